import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { GantryError } from '@gantry/errors';
import { clientClosed } from '../http/connection-error.ts';
import { workerFlags, workerUrl } from '../worker-url.ts';
import type { Task } from './protocol.ts';

/** A thread without work is kept this long: starting one takes 50 ms. */
const idleMs = 10_000;

interface Thread {
  readonly worker: Worker;
  readonly ports: Set<MessagePort>;
  idle: NodeJS.Timeout | undefined;
}

type OmitPort<T> = T extends unknown ? Omit<T, 'port'> : never;

/**
 * Threads that hash and inflate, each for several jobs at once (inflating itself runs in libuv's pool, beside them).
 * They are started when needed, end when idle, and keep no process alive: the port of a running job does that.
 */
export class Threads {
  readonly #max: number;
  readonly #threads = new Set<Thread>();
  #isClosed = false;
  #lastError: unknown;

  constructor(max: number) {
    this.#max = max;
  }

  /** Starts a thread ahead of the work, if there is none. */
  warm(): void {
    if (this.#threads.size === 0 && !this.#isClosed) this.#rest(this.#start());
  }

  /**
   * Gives a thread something to do. The job ends when either side closes the port, which its 'close' event tells.
   * @throws GantryError unavailable `client-closed`.
   */
  run(task: OmitPort<Task>, transfer: readonly ArrayBuffer[] = []): MessagePort {
    if (this.#isClosed) throw clientClosed();
    const thread = this.#leastBusy();
    const { port1: near, port2: far } = new MessageChannel();
    clearTimeout(thread.idle);
    thread.ports.add(near);
    near.once('close', () => {
      thread.ports.delete(near);
      if (thread.ports.size === 0) this.#rest(thread);
    });
    thread.worker.postMessage({ ...task, port: far }, [far, ...transfer]);
    return near;
  }

  /** Why a port closed before its job was done. */
  explainEnd(): GantryError {
    return this.#isClosed ? clientClosed() : new GantryError('internal', 'decoder-ended', 'a thread of the registry client ended before its work did', { cause: this.#lastError });
  }

  /** Ends every thread; jobs under way see their ports close. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#threads].map((thread) => this.#end(thread)));
  }

  #leastBusy(): Thread {
    const [best] = [...this.#threads].sort((a, b) => a.ports.size - b.ports.size);
    return best === undefined || (best.ports.size > 0 && this.#threads.size < this.#max) ? this.#start() : best;
  }

  #start(): Thread {
    const worker = new Worker(workerUrl, { execArgv: [...workerFlags], name: 'gantry-layers' });
    worker.unref();
    const thread: Thread = { worker, ports: new Set(), idle: undefined };
    this.#threads.add(thread);
    worker.on('error', (error) => {
      this.#lastError = error;
    });
    // Whatever ends a thread, those who wait for it must not wait for ever.
    worker.once('exit', () => {
      clearTimeout(thread.idle);
      this.#threads.delete(thread);
      for (const port of thread.ports) port.close();
    });
    return thread;
  }

  #rest(thread: Thread): void {
    if (!this.#threads.has(thread)) return;
    clearTimeout(thread.idle);
    thread.idle = setTimeout(() => void this.#end(thread), idleMs).unref();
  }

  async #end(thread: Thread): Promise<void> {
    clearTimeout(thread.idle);
    this.#threads.delete(thread);
    await thread.worker.terminate();
  }
}

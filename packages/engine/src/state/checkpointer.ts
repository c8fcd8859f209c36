import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Logger } from '@gantry/driver-api';

/** Transactions after which the write-ahead log is moved into the database. */
const every = 512;
/** Milliseconds without a transaction after which what is left is moved. */
const idle = 30_000;
/** Pages of the log (4 KiB each) above which the last piece is moved by the event loop itself. */
const maxPages = 4096;

type Answer = { readonly ok: true; readonly pages: number } | { readonly ok: false; readonly message: string };

/** In the sources the worker stands above this file; in a build beside whatever chunk this became part of. */
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? '../checkpoint.worker.ts' : './checkpoint.worker.js', import.meta.url);

/** Runs checkpoints in a worker thread, which starts with the first one: on the event loop they were seen to stall it for 98 ms. */
export class Checkpointer implements AsyncDisposable {
  readonly #path: string;
  readonly #log: Logger;
  readonly #finish: () => void;
  #worker: Worker | undefined;
  #pending = 0;
  #running = false;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  /** @param finish Moves what was written during a checkpoint too, at once: without it a log that is always written to never begins anew. */
  constructor(path: string, log: Logger, finish: () => void) {
    this.#path = path;
    this.#log = log;
    this.#finish = finish;
  }

  /** A transaction was committed. */
  committed(): void {
    this.#pending += 1;
    if (this.#pending >= every) this.#run();
    else if (this.#timer === undefined && !this.#disposed) this.#timer = setTimeout(() => this.#run(), idle).unref();
    else this.#timer?.refresh();
  }

  #run(): void {
    if (this.#running || this.#disposed) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running = true;
    this.#pending = 0;
    this.#worker ??= this.#start();
    this.#worker.postMessage('checkpoint');
  }

  #start(): Worker {
    const worker = new Worker(workerUrl, { workerData: this.#path });
    worker.unref();
    worker.on('message', (answer: Answer) => {
      this.#running = false;
      if (!answer.ok) this.#log.warn({ error: answer.message }, 'the database log could not be moved into the database; it grows until that works');
      else if (answer.pages > maxPages && !this.#disposed) this.#finish();
    });
    worker.on('error', (error) => {
      this.#running = false;
      this.#worker = undefined;
      this.#log.warn({ error: error instanceof Error ? error.message : String(error) }, 'the worker for the database log ended; the next one is started when needed');
    });
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearTimeout(this.#timer);
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    worker.ref();
    worker.postMessage('close');
    await once(worker, 'exit');
  }
}

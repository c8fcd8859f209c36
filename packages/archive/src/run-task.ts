import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { fromJson, GantryError, isGantryError, toGantryError, toJson } from '@gantry/errors';
import type { ApplyAnswer, Task } from './tasks.ts';
import { threadWindow, type FromWorker, type TaskStart, type ToWorker } from './thread-messages.ts';
import { giveBackWorker, takeWorker } from './worker-pool.ts';

export interface RunOptions {
  /** Sent to the worker; chunks that own their whole buffer are moved. */
  readonly source?: AsyncIterable<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((bytes: number) => void) | undefined;
  /** Takes what the worker writes; the worker waits while it is not resolved. */
  readonly onChunk?: (bytes: Uint8Array) => Promise<void>;
}

/** Milliseconds for a stopped task to clean up; then its worker is ended. */
const stopTime = 20_000;

/**
 * Runs a task in a worker thread.
 *
 * @throws GantryError what the task failed with; `aborted`; the source's own error if that failed.
 */
export async function runTask(task: Task, options: RunOptions): Promise<ApplyAnswer | null> {
  refuseAborted(options.signal);
  const { port1: port, port2 } = new MessageChannel();
  const run = new Run(port, options);
  const worker = takeWorker();
  worker.once('error', (error) => {
    run.lost(error);
  });
  worker.once('exit', (code) => {
    run.lost(new Error(`it ended with code ${code}`));
  });
  try {
    const start: TaskStart = { task, port: port2 };
    worker.postMessage(start, [port2]);
    const answer = await run.done;
    giveBackWorker(worker);
    return answer;
  } catch (error) {
    if (run.hung) await worker.terminate();
    else giveBackWorker(worker);
    throw error;
  } finally {
    port.close();
  }
}

/** As `runTask`, for a task that writes: its bytes, at the reader's pace. Leaving early stops it. */
export async function* streamTask(task: Task, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, void> {
  const left = new AbortController();
  const chunks = new Handover();
  const done = runTask(task, {
    signal: signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]),
    onChunk: (bytes) => chunks.give(bytes),
  }).finally(() => {
    chunks.end();
  });
  // It is awaited when the chunks are used up; until then its failure is no unhandled one.
  done.catch(() => undefined);
  try {
    for (let chunk = await chunks.take(); chunk !== undefined; chunk = await chunks.take()) yield chunk;
    await done;
  } finally {
    left.abort();
    chunks.end();
    await done.catch(() => undefined);
  }
}

/** Chunks from one that has them to one that wants them. A chunk is done with when the next one is asked for. */
class Handover {
  readonly #queue: { readonly bytes: Uint8Array; readonly taken: () => void }[] = [];
  #lastTaken: (() => void) | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  give(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.push({ bytes, taken: resolve });
      this.#wake?.();
    });
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async take(): Promise<Uint8Array | undefined> {
    this.#lastTaken?.();
    this.#lastTaken = undefined;
    for (;;) {
      const next = this.#queue.shift();
      if (next !== undefined) {
        this.#lastTaken = next.taken;
        return next.bytes;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** One task from this side. */
class Run {
  readonly done: Promise<ApplyAnswer | null>;
  /** It did not stop when it was told to. */
  hung = false;
  readonly #port: MessagePort;
  readonly #options: RunOptions;
  #resolve: (answer: ApplyAnswer | null) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #settled = false;
  #unacknowledged = 0;
  #room: (() => void) | undefined;
  #sourceError: unknown;
  #deadline: NodeJS.Timeout | undefined;

  constructor(port: MessagePort, options: RunOptions) {
    this.#port = port;
    this.#options = options;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    port.on('message', (message: FromWorker) => {
      this.#take(message);
    });
    options.signal?.addEventListener('abort', this.#abort, { once: true });
    if (options.source !== undefined) void this.#feed(options.source);
  }

  lost(error: unknown): void {
    this.hung = true;
    this.#settle(() => this.#reject(new GantryError('internal', 'archive-worker-lost', `A worker thread of @gantry/archive failed: ${toGantryError(error).message}`, { cause: error })));
  }

  #take(message: FromWorker): void {
    switch (message.kind) {
      case 'taken':
        this.#unacknowledged -= message.bytes;
        this.#wake();
        break;
      case 'progress':
        this.#options.onProgress?.(message.bytes);
        break;
      case 'chunk': {
        const bytes = message.bytes.byteLength;
        void this.#options.onChunk?.(message.bytes).then(() => {
          this.#post({ kind: 'taken', bytes });
        });
        break;
      }
      case 'done':
        this.#settle(() => this.#resolve(message.answer));
        break;
      case 'failed':
        // The source's own error says more than what the worker made of it.
        this.#settle(() => this.#reject(this.#sourceError ?? fromJson(message.error)));
    }
  }

  async #feed(source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of source) {
        if (this.#isSettled()) return;
        this.#unacknowledged += chunk.byteLength;
        this.#post({ kind: 'chunk', bytes: chunk }, movable(chunk));
        while (this.#unacknowledged > threadWindow && !this.#isSettled()) {
          await new Promise<void>((resolve) => {
            this.#room = resolve;
          });
        }
        if (this.#isSettled()) return;
      }
      this.#post({ kind: 'end' });
    } catch (error) {
      this.#sourceError ??= isGantryError(error) ? error : toGantryError(error);
      this.#post({ kind: 'stop', error: toJson(error) });
    }
  }

  readonly #abort = (): void => {
    const error = abortError(this.#options.signal);
    this.#sourceError ??= error;
    this.#post({ kind: 'stop', error: toJson(error) });
    this.#deadline = setTimeout(() => {
      this.hung = true;
      this.#settle(() => this.#reject(error));
    }, stopTime);
  };

  #settle(how: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#deadline);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#wake();
    how();
  }

  #isSettled(): boolean {
    return this.#settled;
  }

  #wake(): void {
    this.#room?.();
    this.#room = undefined;
  }

  #post(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    if (!this.#settled) this.#port.postMessage(message, transfer);
  }
}

/** A buffer can be moved if it is the chunk's alone. Small ones are copied: that costs less. */
function movable(chunk: Uint8Array): ArrayBuffer[] {
  const { buffer } = chunk;
  return buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength && chunk.byteLength >= 4096 ? [buffer] : [];
}

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(signal);
}

function abortError(signal: AbortSignal | undefined): GantryError {
  return new GantryError('aborted', 'aborted', 'The operation was aborted', { cause: signal?.reason });
}

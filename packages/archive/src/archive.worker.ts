import { parentPort, type MessagePort } from 'node:worker_threads';
import { fromJson, toJson, type GantryError } from '@gantry/errors';
import { runApply, runUntar, type RunContext } from './apply-run.ts';
import { fileSource } from './file-source.ts';
import { runDiff, runPack } from './pack-run.ts';
import type { ApplyAnswer, Task, TaskSource } from './tasks.ts';
import { threadWindow, type FromWorker, type TaskStart, type ToWorker } from './thread-messages.ts';

/** The other side of a task: what comes in, and what goes out. */
class TaskPort {
  readonly stop: AbortController = new AbortController();
  readonly #port: MessagePort;
  readonly #chunks: Buffer[] = [];
  #ended = false;
  #wakeReader: (() => void) | undefined;
  #unacknowledged = 0;
  #wakeWriter: (() => void) | undefined;
  /** Why the task is to stop. */
  #error: GantryError | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (message: ToWorker) => {
      this.#take(message);
    });
  }

  get stopped(): GantryError | undefined {
    return this.#error;
  }

  post(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  /** What was sent, in order. */
  async *source(): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        yield chunk;
        this.post({ kind: 'taken', bytes: chunk.length });
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    }
  }

  /** Sends a chunk that owns its memory, and waits while the reader is behind. */
  async emit(chunk: Buffer): Promise<void> {
    const { buffer } = chunk;
    this.#unacknowledged += chunk.length;
    this.post({ kind: 'chunk', bytes: chunk }, buffer instanceof ArrayBuffer ? [buffer] : []);
    while (this.#unacknowledged > threadWindow && this.#error === undefined) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
    if (this.#error !== undefined) throw this.#error;
  }

  close(): void {
    this.#port.close();
  }

  #take(message: ToWorker): void {
    switch (message.kind) {
      case 'chunk':
        this.#chunks.push(Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.byteLength));
        break;
      case 'end':
        this.#ended = true;
        break;
      case 'taken':
        this.#unacknowledged -= message.bytes;
        this.#wakeWriter?.();
        return;
      case 'stop':
        this.#error ??= fromJson(message.error);
        this.stop.abort(this.#error);
        this.#wakeWriter?.();
    }
    this.#wakeReader?.();
  }
}

async function run(task: Task, port: TaskPort): Promise<ApplyAnswer | null> {
  const { signal } = port.stop;
  const emit = (chunk: Buffer): Promise<void> => port.emit(chunk);
  const context = (source: TaskSource): RunContext => ({
    source: (free) => (source === 'sent' ? port.source() : fileSource(source.path, signal, free)),
    signal,
    progress: (bytes) => {
      port.post({ kind: 'progress', bytes });
    },
  });
  switch (task.kind) {
    case 'apply':
      return runApply(task, context(task.source));
    case 'untar':
      return runUntar(task, context(task.source));
    case 'pack':
      return runPack(task, { signal, emit });
    case 'diff':
      return runDiff(task, { signal, emit });
  }
}

async function serve({ task, port: channel }: TaskStart): Promise<void> {
  const port = new TaskPort(channel);
  let last: FromWorker;
  try {
    last = { kind: 'done', answer: await run(task, port) };
  } catch (error) {
    last = { kind: 'failed', error: toJson(port.stopped ?? error) };
  }
  // The other side closes the port once it has this.
  port.post(last);
  port.close();
}

parentPort?.on('message', (start: TaskStart) => {
  void serve(start);
});

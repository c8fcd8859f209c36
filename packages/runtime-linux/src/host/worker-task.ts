import { Worker } from 'node:worker_threads';
import type { TreeTarget } from '@gantry/archive';
import type { WalkEntry } from '@gantry/driver-api';
import { fromJson, GantryError, type ErrorJson } from '@gantry/errors';
import type { CopyRequest } from './copy.ts';

/** What the worker is started with. */
export type HostTask = { readonly kind: 'copy'; readonly copy: CopyRequest } | { readonly kind: 'digests'; readonly tree: TreeTarget; readonly path: string };

/** What it says. After `entries` it waits to be told to go on. */
export type HostAnswer = { readonly kind: 'entries'; readonly entries: readonly WalkEntry[] } | { readonly kind: 'done' } | { readonly kind: 'failed'; readonly error: ErrorJson };

/**
 * Runs a task in a thread of its own, which ends with the iteration.
 *
 * @throws `GantryError` what the task threw; aborted
 */
export async function* runTask(task: HostTask, signal: AbortSignal | undefined): AsyncGenerator<WalkEntry, void, undefined> {
  if (signal?.aborted === true) throw aborted();
  const worker = new Worker(new URL(import.meta.url.endsWith('.ts') ? '../host.worker.ts' : './host.worker.js', import.meta.url), { workerData: task });
  const answers = new Answers(worker, signal);
  try {
    for (let answer = await answers.next(); answer.kind !== 'done'; answer = await answers.next()) {
      if (answer.kind === 'failed') throw fromJson(answer.error);
      yield* answer.entries;
      worker.postMessage('next');
    }
  } finally {
    answers.stop();
    await worker.terminate();
  }
}

/** One answer after another: the worker never has two under way. */
class Answers {
  readonly #signal: AbortSignal | undefined;
  #pending = Promise.withResolvers<HostAnswer>();

  constructor(worker: Worker, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#pending.promise.catch(() => undefined); // it may be left before it is asked
    worker.on('message', (answer: HostAnswer) => {
      this.#pending.resolve(answer);
    });
    worker.on('error', (error: unknown) => {
      this.#pending.reject(new GantryError('internal', 'worker-failed', `A worker thread failed: ${String(error)}`, { cause: error }));
    });
    worker.on('exit', (code) => {
      this.#pending.reject(new GantryError('internal', 'worker-failed', `A worker thread ended with code ${code}`));
    });
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  async next(): Promise<HostAnswer> {
    const answer = await this.#pending.promise;
    this.#pending = Promise.withResolvers();
    this.#pending.promise.catch(() => undefined);
    if (this.#signal?.aborted === true) throw aborted();
    return answer;
  }

  stop(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => {
    this.#pending.reject(aborted());
  };
}

function aborted(): GantryError {
  return new GantryError('aborted', 'aborted', 'The call was aborted');
}

import type { MessagePort } from 'node:worker_threads';
import type { ErrorJson } from '@gantry/errors';
import type { ApplyAnswer, Task } from './tasks.ts';

/** What a worker is given to begin with; the port is for this task alone. */
export interface TaskStart {
  readonly task: Task;
  readonly port: MessagePort;
}

export type ToWorker =
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }
  /** The source has failed, or the caller's signal fired. */
  | { readonly kind: 'stop'; readonly error: ErrorJson }
  /** The reader has taken so many bytes of what the worker sent. */
  | { readonly kind: 'taken'; readonly bytes: number };

export type FromWorker =
  /** The worker has taken so many bytes of what it was sent. */
  | { readonly kind: 'taken'; readonly bytes: number }
  | { readonly kind: 'progress'; readonly bytes: number }
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array }
  | { readonly kind: 'done'; readonly answer: ApplyAnswer | null }
  | { readonly kind: 'failed'; readonly error: ErrorJson };

/** Bytes on their way to or from a worker before the sender waits. */
export const threadWindow: number = 4 * 1024 * 1024;

import type { MessagePort } from 'node:worker_threads';
import type { ErrorJson } from '@gantry/errors';
import type { ImageConfig, ManifestDocument } from '@gantry/oci';
import type { DecodeJob } from '../layer/decode.ts';

/** What a thread is asked to do. Everything else goes over the port, which lives as long as the job. */
export type Task =
  | { readonly type: 'decode'; readonly job: DecodeJob; readonly port: MessagePort }
  | { readonly type: 'parse'; readonly what: 'manifest' | 'config'; readonly mediaType: string; readonly bytes: Uint8Array; readonly port: MessagePort };

/** Over the port of a `decode`, to the thread. */
export type DecodeInput =
  | { readonly type: 'input'; readonly bytes: Uint8Array }
  /** There is no more input. */
  | { readonly type: 'end' }
  /** The consumer took so many blocks: as many more may come. */
  | { readonly type: 'taken'; readonly blocks: number };

/** Over the port of a `decode`, from the thread. */
export type DecodeOutput =
  | { readonly type: 'output'; readonly bytes: Uint8Array }
  /** So many bytes of input are used up. */
  | { readonly type: 'used'; readonly bytes: number }
  /** All output is out, and all of it is right. */
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly error: ErrorJson };

/** Over the port of a `parse`, from the thread. */
export type ParseOutput =
  | { readonly type: 'manifest'; readonly document: ManifestDocument }
  | { readonly type: 'config'; readonly config: ImageConfig }
  | { readonly type: 'failed'; readonly error: ErrorJson };

/** Bytes of input on the way to a thread, and how many of them are acknowledged at once. */
export const inputWindow: number = 1024 ** 2;
export const inputStep: number = inputWindow / 4;
/** Blocks of output on the way from it, and how many of them are acknowledged at once. */
export const outputWindow = 8;
export const outputStep = 2;

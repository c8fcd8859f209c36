import type { ErrorJson } from '@gantry/errors';

/**
 * A value on the wire: tagged, so that data can never be taken for a reference. What is behind a number stays at home
 * and is called there; the number is its place among the sender's references.
 */
export type Encoded =
  | readonly ['value', undefined | null | boolean | number | bigint | string | Uint8Array]
  | readonly ['array', readonly Encoded[]]
  | readonly ['object', readonly (readonly [string, Encoded])[]]
  | readonly ['disposable', readonly (readonly [string, Encoded])[], number]
  | readonly ['signal', number, aborted: boolean]
  | readonly ['function', number]
  | readonly ['iterable', number]
  | readonly ['writable', number];

/** What goes through the port, in both directions. */
export type Message =
  /** Asks for an answer. */
  | { readonly type: 'invoke'; readonly id: number; readonly on: number; readonly op: string; readonly args: readonly Encoded[] }
  | { readonly type: 'answer'; readonly id: number; readonly ok: Encoded }
  | { readonly type: 'answer'; readonly id: number; readonly error: ErrorJson }
  /** Wants none: a callback, a signal that fired, references that are not needed any more. */
  | { readonly type: 'call'; readonly on: number; readonly args: readonly Encoded[] }
  | { readonly type: 'abort'; readonly on: number }
  | { readonly type: 'free'; readonly refs: readonly number[] };

/** The number of the driver itself, on the side that serves it. */
export const root = 0;

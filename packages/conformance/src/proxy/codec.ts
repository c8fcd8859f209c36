import { GantryError } from '@gantry/errors';
import type { Encoded } from './wire.ts';

/** What cannot be copied, and is referred to. */
export type Reference =
  | { readonly kind: 'signal'; readonly signal: AbortSignal; readonly forget: () => void }
  | { readonly kind: 'function'; readonly fn: (...args: unknown[]) => unknown }
  | { readonly kind: 'iterable'; readonly iterator: AsyncIterator<unknown> }
  | { readonly kind: 'writable'; readonly writer: WritableStreamDefaultWriter<unknown> }
  | { readonly kind: 'disposable'; readonly object: AsyncDisposable };

/** How the two ends of a reference are made; numbers are the sender's. */
export interface References {
  refer(reference: Omit<Extract<Reference, { kind: 'signal' }>, 'forget'> | Exclude<Reference, { kind: 'signal' }>): number;
  signal(ref: number, aborted: boolean): AbortSignal;
  fn(ref: number): (...args: unknown[]) => void;
  iterable(ref: number): AsyncIterable<unknown>;
  writable(ref: number): WritableStream<unknown>;
  dispose(ref: number): () => Promise<void>;
}

/** @throws GantryError internal `not-plain-data`: a seam let something through that no process could send. */
export function encode(value: unknown, refs: References): Encoded {
  if (isScalar(value)) return ['value', value];
  if (typeof value === 'function') return ['function', refs.refer({ kind: 'function', fn: (...args) => Reflect.apply(value, undefined, args) as unknown })];
  if (typeof value !== 'object') throw notPlain(value);
  if (value instanceof Uint8Array) return ['value', new Uint8Array(value)]; // its own bytes only: cloning a view clones all that it is a view of
  if (Array.isArray(value)) return ['array', value.map((item) => encode(item, refs))];
  if (value instanceof AbortSignal) return ['signal', refs.refer({ kind: 'signal', signal: value }), value.aborted];
  if (isAsyncIterable(value)) return ['iterable', refs.refer({ kind: 'iterable', iterator: value[Symbol.asyncIterator]() })];
  if (value instanceof WritableStream) return ['writable', refs.refer({ kind: 'writable', writer: value.getWriter() })];
  const fields = (): (readonly [string, Encoded])[] => Object.entries(value).map(([key, field]) => [key, encode(field, refs)] as const);
  if (isDisposable(value)) return ['disposable', fields(), refs.refer({ kind: 'disposable', object: value })];
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw notPlain(value);
  return ['object', fields()];
}

export function decode(encoded: Encoded, refs: References): unknown {
  switch (encoded[0]) {
    case 'value':
      return encoded[1];
    case 'array':
      return encoded[1].map((item) => decode(item, refs));
    case 'object':
      return fieldsOf(encoded[1], refs);
    case 'disposable':
      return { ...fieldsOf(encoded[1], refs), [Symbol.asyncDispose]: refs.dispose(encoded[2]) };
    case 'signal':
      return refs.signal(encoded[1], encoded[2]);
    case 'function':
      return refs.fn(encoded[1]);
    case 'iterable':
      return refs.iterable(encoded[1]);
    case 'writable':
      return refs.writable(encoded[1]);
  }
}

function fieldsOf(fields: readonly (readonly [string, Encoded])[], refs: References): Record<string, unknown> {
  return Object.fromEntries(fields.map(([key, field]) => [key, decode(field, refs)]));
}

function isScalar(value: unknown): value is undefined | null | boolean | number | bigint | string {
  return value === null || ['undefined', 'boolean', 'number', 'bigint', 'string'].includes(typeof value);
}

function isAsyncIterable(value: object): value is AsyncIterable<unknown> {
  return Symbol.asyncIterator in value;
}

function isDisposable(value: object): value is AsyncDisposable {
  return Symbol.asyncDispose in value;
}

function notPlain(value: unknown): GantryError {
  const what = typeof value === 'object' && value !== null ? (Object.getPrototypeOf(value) as { constructor: { name: string } }).constructor.name : typeof value;
  return new GantryError('internal', 'not-plain-data', `a ${what} cannot cross the seam: only plain data, byte streams, callbacks and signals can`);
}

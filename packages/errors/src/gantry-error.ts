import type { ErrorKind } from './kinds.ts';

/** Plain data that helps a program react: ids, field names, an `exitCode`. Must survive structured clone and JSON. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface GantryErrorOptions {
  readonly cause?: unknown;
  readonly details?: ErrorDetails;
}

/** By the registry of symbols, so that two copies of this package in one process recognise each other's errors. */
const brand = Symbol.for('gantry.error');

/**
 * The one error type of Gantry's packages.
 *
 * @example
 * throw new GantryError('notFound', 'container-not-found', `No such container: ${name}`, { details: { name } });
 */
export class GantryError extends Error {
  override readonly name = 'GantryError';
  /** How to react; one of a closed set. */
  readonly kind: ErrorKind;
  /** What happened: kebab-case, stable, documented in `docs/errors.md`. */
  readonly code: string;
  readonly details: ErrorDetails;

  constructor(kind: ErrorKind, code: string, message: string, options: GantryErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true, enumerable: false });
  }
}

export function isGantryError(value: unknown): value is GantryError {
  return value instanceof Error && brand in value;
}

/** Anything that was thrown, as a `GantryError`; what is none already becomes `internal` (an `AbortError`: `aborted`). */
export function toGantryError(value: unknown): GantryError {
  if (isGantryError(value)) return value;
  if (value instanceof Error) {
    if (value.name === 'AbortError') return new GantryError('aborted', 'aborted', 'The operation was aborted', { cause: value });
    if (value.name === 'TimeoutError') return new GantryError('timeout', 'timeout', value.message, { cause: value });
    return new GantryError('internal', 'unexpected', value.message, { cause: value });
  }
  return new GantryError('internal', 'unexpected', String(value), { cause: value });
}

import { GantryError, toGantryError, type ErrorDetails } from './gantry-error.ts';
import { isErrorKind, type ErrorKind } from './kinds.ts';

/** An error as plain data, to cross a process, a thread or a proxy. Stacks stay at home. */
export interface ErrorJson {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
  readonly details: ErrorDetails;
}

export function toJson(error: unknown): ErrorJson {
  const { kind, code, message, details } = toGantryError(error);
  return { kind, code, message, details };
}

/** Takes any value, since it may come from another version or a broken peer: what is not such data becomes `internal`. */
export function fromJson(value: unknown): GantryError {
  if (typeof value !== 'object' || value === null) return toGantryError(value);
  const { kind, code, message, details } = value as Partial<Record<keyof ErrorJson, unknown>>;
  return new GantryError(
    isErrorKind(kind) ? kind : 'internal',
    typeof code === 'string' ? code : 'unexpected',
    typeof message === 'string' ? message : 'unknown error',
    { details: typeof details === 'object' && details !== null ? (details as ErrorDetails) : {} },
  );
}

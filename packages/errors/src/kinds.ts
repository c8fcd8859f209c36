/**
 * The closed set of what can go wrong, as a caller has to tell it apart. A kind says how to react; the `code` of an
 * error says what exactly happened.
 */
export const kinds = [
  'notModified', // already so: nothing was done
  'invalid', // the request can never succeed as it is
  'unauthenticated', // credentials are missing or wrong
  'forbidden', // understood, and refused
  'notFound', // the named thing does not exist
  'conflict', // the state of the thing forbids it now
  'exhausted', // a limit was reached: space, count, size, buffer
  'dataLoss', // bytes are not what their digest says, or are gone
  'internal', // a defect of ours
  'aborted', // the caller's signal fired
  'timeout', // a deadline passed
  'notImplemented', // this engine or driver does not do that
  'unavailable', // something needed is not there now: try again later
] as const;

export type ErrorKind = (typeof kinds)[number];

const known: ReadonlySet<string> = new Set(kinds);

export function isErrorKind(value: unknown): value is ErrorKind {
  return typeof value === 'string' && known.has(value);
}

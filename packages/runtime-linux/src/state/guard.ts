import { GantryError, isGantryError, toGantryError } from '@gantry/errors';

/** Lets nothing but `GantryError` out of a public method. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asGantryError(error);
  }
}

/** As `guarded`, for what yields. */
export async function* guardedIterable<T>(iterable: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* iterable;
  } catch (error) {
    throw asGantryError(error);
  }
}

function asGantryError(error: unknown): GantryError {
  if (isGantryError(error)) return error;
  const errno = errnoOf(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'EMFILE' || errno === 'ENFILE') {
    return new GantryError('exhausted', 'no-space', error instanceof Error ? error.message : errno, { cause: error, details: { errno } });
  }
  return toGantryError(error);
}

/** The name of the system call's error, `ENOENT`; undefined for other errors. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The file or folder is not there. */
export function isAbsent(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

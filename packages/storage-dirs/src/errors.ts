import { GantryError, isGantryError, toGantryError } from '@gantry/errors';

/** Node's names of errors whose meaning does not depend on what was done. */
const meanings: Readonly<Record<string, (cause: Error) => GantryError>> = {
  ENOSPC: (cause) => new GantryError('exhausted', 'disk-full', 'the disk of the storage driver is full: free some space, or run a prune', { cause }),
  EDQUOT: (cause) => new GantryError('exhausted', 'disk-full', 'the disk quota of the storage driver is used up', { cause }),
  EMFILE: (cause) => new GantryError('exhausted', 'too-many-open-files', 'too many files are open: raise the limit (ulimit -n)', { cause }),
  EROFS: (cause) => new GantryError('forbidden', 'disk-read-only', 'the file system of the storage driver is read-only: look for disk errors in the kernel log', { cause }),
};

/** Promise G1: whatever was thrown, as a `GantryError`. */
export function asGantryError(e: unknown): GantryError {
  if (isGantryError(e) || !(e instanceof Error)) return toGantryError(e);
  const meaning = 'code' in e && typeof e.code === 'string' ? meanings[e.code] : undefined;
  return meaning?.(e) ?? toGantryError(e);
}

export function notFound(what: 'layer' | 'snapshot' | 'ingest', id: string): GantryError {
  return new GantryError('notFound', `${what}-not-found`, `no such ${what}: ${id}`, { details: { id } });
}

export function conflict(code: string, message: string, details: Readonly<Record<string, unknown>>): GantryError {
  return new GantryError('conflict', code, message, { details });
}

export function notImplemented(driver: string, what: string): GantryError {
  return new GantryError('notImplemented', 'storage-not-capable', `the storage driver ${driver} cannot do that: ${what}`, { details: { driver } });
}

export function aborted(): GantryError {
  return new GantryError('aborted', 'aborted', 'the operation was aborted');
}

/** Rejects instead of working for a caller who has left. */
export function check(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted();
}

/** True for Node's "no such file". */
export function isAbsent(e: unknown): boolean {
  return e instanceof Error && 'code' in e && (e.code === 'ENOENT' || e.code === 'ENOTDIR');
}

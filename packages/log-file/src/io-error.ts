import { GantryError, isGantryError } from '@gantry/errors';

/** What a failed call of the file system means to a caller, who knows nothing of files here. */
export function ioError(error: unknown, doing: string): GantryError {
  if (isGantryError(error)) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EMFILE' || code === 'ENFILE';
  const reason = error instanceof Error ? error.message : String(error);
  return new GantryError(full ? 'exhausted' : 'internal', full ? 'log-no-space' : 'log-io', `${doing} failed: ${reason}`, {
    cause: error,
    ...(code === undefined ? {} : { details: { errno: code } }),
  });
}

import { GantryError, toGantryError } from '@gantry/errors';

export interface StartFailure {
  readonly error: GantryError;
  /** The exit code that the container shows, and `docker run` ends with. */
  readonly exitCode: number;
}

/** A start that failed, in Docker's terms. */
export function startFailure(cause: unknown, program: string): StartFailure {
  const error = toGantryError(cause);
  const exitCode = error.details['exitCode'];
  if (error.kind !== 'invalid' || (exitCode !== 126 && exitCode !== 127)) return { error, exitCode: 128 };
  return {
    exitCode,
    error: new GantryError('invalid', exitCode === 127 ? 'program-not-found' : 'program-not-executable', `unable to start container process: exec: ${JSON.stringify(program)}: ${reasonOf(exitCode, program, error.details['errno'])}`, {
      details: { ...error.details, exitCode },
      cause: error,
    }),
  };
}

/** Docker's clients choose their own exit code by these words. */
function reasonOf(exitCode: 126 | 127, program: string, errno: unknown): string {
  if (exitCode === 127) return program.includes('/') ? `stat ${program}: no such file or directory` : 'executable file not found in $PATH';
  if (errno === 'EISDIR') return 'is a directory';
  return errno === 'ENOEXEC' ? 'exec format error' : 'permission denied';
}

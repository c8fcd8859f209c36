import { GantryError } from '@gantry/errors';

/**
 * Gives up waiting after `ms` milliseconds, so that a process that does not answer holds nothing else up; what was
 * asked for may still happen.
 *
 * @throws `GantryError` timeout `keeper-timeout`
 */
export async function within<T>(ms: number, doing: string, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new GantryError('timeout', 'keeper-timeout', `${doing} took longer than ${ms / 1000} s`, { details: { ms } }));
  }, ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for the work, but no longer than `ms` milliseconds. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => {
    resolve(undefined);
  }, ms);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Rejects with kind `aborted` as soon as the signal fires. */
export async function unlessAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => {
    reject(new GantryError('aborted', 'aborted', 'The call was aborted'));
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, work]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** For the points of a call where giving up leaves nothing behind. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new GantryError('aborted', 'aborted', 'The call was aborted');
}

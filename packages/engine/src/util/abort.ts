import { GantryError } from '@gantry/errors';

export function aborted(cause?: unknown): GantryError {
  return new GantryError('aborted', 'aborted', 'The operation was aborted', { cause });
}

/** @throws GantryError aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(signal.reason);
}

/** What `promise` gives, unless `signal` fires first; the work behind it goes on. @throws GantryError aborted. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  throwIfAborted(signal);
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(aborted(signal.reason));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

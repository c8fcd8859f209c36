import { GantryError } from '@gantry/errors';
import { aborted } from './abort.ts';

/**
 * Something that happens again and again. Who waits is told of the next time, and nothing is kept of those who stopped
 * waiting, however long it takes until then.
 */
export class Moment<T> {
  readonly #listeners = new Set<(value: T) => void>();
  readonly #waiting = new Set<(error: GantryError) => void>();

  /** @throws GantryError aborted; unavailable `engine-closed`. */
  next(signal?: AbortSignal): Promise<T> {
    if (signal?.aborted === true) return Promise.reject(aborted(signal.reason));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const tell = (value: T): void => {
      forget();
      resolve(value);
    };
    const fail = (error: GantryError): void => {
      forget();
      reject(error);
    };
    const onAbort = (): void => fail(aborted(signal?.reason));
    const forget = (): void => {
      this.#listeners.delete(tell);
      this.#waiting.delete(fail);
      signal?.removeEventListener('abort', onAbort);
    };
    this.#listeners.add(tell);
    this.#waiting.add(fail);
    signal?.addEventListener('abort', onAbort, { once: true });
    // Whoever does not look at it any more has not missed an error.
    promise.catch(() => undefined);
    return promise;
  }

  happened(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }

  /** It will not happen any more: tells those who wait. */
  close(): void {
    for (const fail of [...this.#waiting]) fail(new GantryError('unavailable', 'engine-closed', 'the engine is closed'));
  }
}

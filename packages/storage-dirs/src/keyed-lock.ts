import { aborted } from './errors.ts';

/** One at a time for each key, in the order of the calls; different keys do not wait for each other (promise G5). */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** @throws GantryError aborted, if the signal fires while it waits. */
  async run<T>(key: string, fn: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const tail = before === undefined ? promise : before.then(() => promise);
    this.#tails.set(key, tail);
    try {
      if (before !== undefined) await turn(before, signal);
      if (signal?.aborted === true) throw aborted();
      return await fn();
    } finally {
      resolve(undefined);
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}

function turn(before: Promise<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
  if (signal === undefined) return before;
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const leave = (): void => reject(aborted());
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  void before.then(() => resolve(undefined));
  return promise.finally(() => signal.removeEventListener('abort', leave));
}

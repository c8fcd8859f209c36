/** Runs calls on one id one after another, calls on different ids beside each other (rule G5 of the seams). */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<undefined>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const tail = before.then(() => promise);
    this.#tails.set(key, tail);
    try {
      await before;
      return await work();
    } finally {
      resolve(undefined);
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}

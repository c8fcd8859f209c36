import { aborted } from '../http/connection-error.ts';

interface Shared<T> {
  readonly result: Promise<T>;
  readonly giveUp: AbortController;
  waiting: number;
}

/**
 * Work that concurrent callers share by key: whoever comes first starts it, whoever comes while it runs waits for the
 * same result. A caller whose signal fires stops waiting; the work is aborted when nobody waits any more. So two pulls
 * of one layer download it once, and the abort of one does not hurt the other.
 */
export class Join<K, T> {
  readonly #running = new Map<K, Shared<T>>();
  /** Aborted, and not at its end yet. */
  readonly #ending = new Map<K, Promise<unknown>>();

  /**
   * @param work gets the shared signal, and must stop when that fires.
   * @throws GantryError aborted: `signal` fired; and whatever `work` throws, to everyone who waits.
   */
  async run(key: K, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal?.aborted === true) throw aborted(signal);
    const shared = this.#running.get(key) ?? this.#start(key, work);
    shared.waiting++;
    const { promise, reject } = Promise.withResolvers<never>();
    const leave = (): void => {
      if (signal !== undefined) reject(aborted(signal));
    };
    signal?.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([shared.result, promise]);
    } finally {
      signal?.removeEventListener('abort', leave);
      if (--shared.waiting === 0) this.#abandon(key, shared);
    }
  }

  #start(key: K, work: (signal: AbortSignal) => Promise<T>): Shared<T> {
    const giveUp = new AbortController();
    const { signal } = giveUp;
    // What was aborted may still be clearing up after itself.
    const before = this.#ending.get(key);
    const result = before === undefined ? work(signal) : before.then(() => work(signal));
    const shared = { result, giveUp, waiting: 0 };
    this.#running.set(key, shared);
    const forget = (): void => {
      if (this.#running.get(key) === shared) this.#running.delete(key);
    };
    result.then(forget, forget);
    return shared;
  }

  #abandon(key: K, shared: Shared<T>): void {
    if (this.#running.get(key) !== shared) return;
    this.#running.delete(key);
    const ended = shared.result.then(
      () => undefined,
      () => undefined,
    );
    this.#ending.set(key, ended);
    void ended.then(() => {
      if (this.#ending.get(key) === ended) this.#ending.delete(key);
    });
    shared.giveUp.abort();
  }
}

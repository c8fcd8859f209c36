import { aborted } from './errors.ts';

/**
 * A stream that ends with kind `aborted` when the signal fires, also while its source gives nothing; the source is told
 * to stop (`return()`), and not waited for: one that hangs may never answer.
 */
export function abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => new Abortable(source[Symbol.asyncIterator](), signal) };
}

class Abortable<T> implements AsyncIterator<T> {
  readonly #source: AsyncIterator<T>;
  readonly #signal: AbortSignal;
  readonly #fired = Promise.withResolvers<never>();
  readonly #fire = (): void => {
    this.#fired.reject(aborted());
    void this.#source.return?.().then(undefined, () => undefined); // nobody waits for what it says
  };

  constructor(source: AsyncIterator<T>, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
    this.#fired.promise.catch(() => undefined); // only of interest while somebody waits for an item
    if (signal.aborted) this.#fire();
    else signal.addEventListener('abort', this.#fire, { once: true });
  }

  async next(): Promise<IteratorResult<T>> {
    const item = await Promise.race([this.#fired.promise, this.#source.next()]);
    if (item.done === true) this.#signal.removeEventListener('abort', this.#fire);
    return item;
  }

  async return(): Promise<IteratorResult<T>> {
    this.#signal.removeEventListener('abort', this.#fire);
    if (!this.#signal.aborted) await this.#source.return?.();
    return { done: true, value: undefined };
  }
}

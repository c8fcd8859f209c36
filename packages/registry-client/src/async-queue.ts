/**
 * A queue between one pushing and one pulling side. It has no bound of its own: both users here count what is under way
 * and stop the pushing side.
 */
export class AsyncQueue<T> {
  readonly #items: T[] = [];
  #ended: { readonly error: unknown } | 'done' | undefined;
  #wake: (() => void) | undefined;

  push(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** After what is queued, `next()` yields undefined. The first end counts. */
  end(): void {
    this.#ended ??= 'done';
    this.#wake?.();
  }

  /** After what is queued, `next()` throws this. The first end counts. */
  fail(error: unknown): void {
    this.#ended ??= { error };
    this.#wake?.();
  }

  async next(): Promise<T | undefined> {
    while (this.#items.length === 0 && this.#ended === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#wake = undefined;
    const item = this.#items.shift();
    if (item === undefined && typeof this.#ended === 'object') throw this.#ended.error;
    return item;
  }
}

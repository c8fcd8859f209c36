import { aborted } from '../http/connection-error.ts';

/** At most so many at a time, first come, first served. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Waits for a slot; gives it back when what it returns is called (once).
   * @throws GantryError aborted.
   */
  async take(signal: AbortSignal | undefined): Promise<() => void> {
    if (signal?.aborted === true) throw aborted(signal);
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#giveBack();
    };
  }

  #giveBack(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const enter = (): void => resolve(undefined);
    const leave = (): void => {
      const at = this.#waiting.indexOf(enter);
      // Not in the queue: the slot is ours already, and its holder gives it back.
      if (at < 0 || signal === undefined) return;
      this.#waiting.splice(at, 1);
      reject(aborted(signal));
    };
    this.#waiting.push(enter);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }
}

import { GantryError } from '@gantry/errors';
import { aborted, asGantryError, check } from './errors.ts';

/** From `open()` to dispose: lets calls in, ends what is under way, and turns what they throw into `GantryError`s. */
export class Lifetime {
  readonly #driver: string;
  readonly #end = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(driver: string) {
    this.#driver = driver;
  }

  /** Fires when the driver is disposed of. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** The caller's signal or the end of the driver, whichever is first. */
  either(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.signal : AbortSignal.any([signal, this.signal]);
  }

  /** One call. */
  async run<T>(fn: () => Promise<T>): Promise<T> {
    this.#check();
    const running = fn();
    this.#running.add(running);
    try {
      return await running;
    } catch (e) {
      throw asGantryError(e);
    } finally {
      this.#running.delete(running);
    }
  }

  /**
   * One call that yields; its work ends with the driver, the caller's signal, or `return()`. `end()` does not wait for it,
   * since nobody may ever ask it for more.
   */
  async *iterate<T>(fn: (signal: AbortSignal) => AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T, void, undefined> {
    this.#check();
    const both = this.either(signal);
    try {
      check(both);
      for await (const item of fn(both)) {
        yield item;
        check(both);
      }
    } catch (e) {
      throw both.aborted ? aborted() : asGantryError(e);
    }
  }

  /** Resolves when no call is under way any more. */
  async end(): Promise<void> {
    this.#end.abort();
    await Promise.allSettled(this.#running);
  }

  #check(): void {
    if (this.signal.aborted) throw new GantryError('unavailable', 'driver-closed', `the storage driver ${this.#driver} has been closed`);
  }
}

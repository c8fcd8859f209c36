import type { Logger, StorageDriver } from '@gantry/driver-api';
import { isGantryError, toGantryError } from '@gantry/errors';

/** Milliseconds: removals that follow each other are deleted together, and nobody who waits for one pays for it. */
const delay = 250;

/** Gives the disk back of what was removed: a storage driver only sets it aside, since deleting takes as long as it takes. */
export class DiskReclaim implements Disposable {
  readonly #storage: StorageDriver;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #again = false;
  #closed = false;

  constructor(storage: StorageDriver, log: Logger) {
    this.#storage = storage;
    this.#log = log;
  }

  /** Soon, in the background. */
  request(): void {
    if (this.#closed || this.#timer !== undefined) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#timer = setTimeout(() => void this.#run(), delay).unref();
  }

  /** What is left, the next engine deletes. */
  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#running = true;
    try {
      await this.#storage.gc();
    } catch (error) {
      // The engine closes: the next one goes on.
      if (!(isGantryError(error) && (error.kind === 'aborted' || error.kind === 'unavailable'))) {
        this.#log.warn({ error: toGantryError(error).message }, 'the disk space of what was removed could not be given back; the next removal tries again');
      }
    } finally {
      this.#running = false;
    }
    if (!this.#again) return;
    this.#again = false;
    this.request();
  }
}

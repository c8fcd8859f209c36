import { watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';

/** How often a file is looked at when the kernel tells nothing: no inotify instance left, or a filesystem without it. */
const pollMs = 100;

/** How often it is looked at although the kernel tells: changes made from other machines of a network filesystem come without a word. */
const safetyMs = 2000;

/** Wakes a reader when something in a log's folder changes. */
export class Changes implements Disposable {
  readonly #watcher: FSWatcher | undefined;
  #broken = false;
  #changed = false;
  #wake: (() => void) | undefined;

  constructor(path: string) {
    this.#watcher = this.#start(dirname(path));
  }

  /** Resolves at the first change since it resolved last, when `signal` fires, or when it is time to look anyway. */
  async next(signal: AbortSignal | undefined): Promise<void> {
    if (!this.#changed && signal?.aborted !== true) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const wake = (): void => {
        resolve(undefined);
      };
      this.#wake = wake;
      const timer = setTimeout(wake, this.#watcher === undefined || this.#broken ? pollMs : safetyMs);
      signal?.addEventListener('abort', wake, { once: true });
      await promise;
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      this.#wake = undefined;
    }
    this.#changed = false;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }

  #start(folder: string): FSWatcher | undefined {
    try {
      const watcher = watch(folder, { persistent: false }, () => {
        this.#changed = true;
        this.#wake?.();
      });
      watcher.on('error', () => {
        this.#broken = true; // from here on by polling
        this.#wake?.();
      });
      return watcher;
    } catch {
      return undefined; // by polling: the folder is not there yet, or there is no inotify left
    }
  }
}

import type { DiffID } from '@gantry/oci';

/** A tar that was read in, and not published yet. */
export interface Ingested {
  readonly dir: string;
  readonly diffId: DiffID;
  readonly bytes: number;
}

/** The ingests of this session: they do not outlive it, so memory is the place for them. */
export class Ingests {
  readonly #done = new Map<string, Ingested>();
  readonly #running = new Map<string, Set<AbortController>>();

  get(key: string): Ingested | undefined {
    return this.#done.get(key);
  }

  set(key: string, ingested: Ingested): void {
    this.#done.set(key, ingested);
  }

  take(key: string): Ingested | undefined {
    const ingested = this.#done.get(key);
    this.#done.delete(key);
    return ingested;
  }

  /** Registers a running one, to be ended by `abort`. */
  start(key: string): { readonly signal: AbortSignal } & Disposable {
    const controller = new AbortController();
    const running = this.#running.get(key) ?? new Set();
    this.#running.set(key, running.add(controller));
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => {
        running.delete(controller);
        if (running.size === 0 && this.#running.get(key) === running) this.#running.delete(key);
      },
    };
  }

  abort(key: string): void {
    for (const controller of this.#running.get(key) ?? []) controller.abort();
  }
}

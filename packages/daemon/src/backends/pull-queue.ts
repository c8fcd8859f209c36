import type { JSONMessage } from '@gantry/api-types';

/** Milliseconds between two messages on how far one layer is. */
const interval = 100;

/**
 * Messages of a pull on their way to a client. Bounded without losing a step: of how far a layer is only the last word is
 * kept, and the steps of a layer are few.
 */
export class PullQueue {
  private readonly waiting: JSONMessage[] = [];
  private readonly told = new Map<string, number>();
  private wake: (() => void) | undefined;
  private outcome: { readonly error?: unknown } | undefined;

  put(message: JSONMessage): void {
    if (this.isMeasure(message) && !this.isDue(message)) return;
    const at = this.waiting.findIndex(({ id, status }) => id !== undefined && id === message.id && status === message.status);
    if (at >= 0) this.waiting[at] = message;
    else this.waiting.push(message);
    this.wake?.();
  }

  end(): void {
    this.outcome ??= {};
    this.wake?.();
  }

  fail(error: unknown): void {
    this.outcome ??= { error };
    this.wake?.();
  }

  /** Ends with the pull; rejects with what it failed of. */
  async *messages(): AsyncGenerator<JSONMessage, void, undefined> {
    for (;;) {
      const next = this.waiting.shift();
      if (next !== undefined) yield next;
      else if (this.outcome === undefined) await new Promise<void>((resolve) => (this.wake = resolve));
      else if ('error' in this.outcome) throw this.outcome.error;
      else return;
    }
  }

  private isMeasure({ progressDetail }: JSONMessage): boolean {
    return progressDetail?.current !== undefined && progressDetail.current !== progressDetail.total;
  }

  private isDue({ id = '' }: JSONMessage): boolean {
    const now = performance.now();
    if (now - (this.told.get(id) ?? -interval) < interval) return false;
    this.told.set(id, now);
    return true;
  }
}

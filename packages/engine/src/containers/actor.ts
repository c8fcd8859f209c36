import type { Logger } from '@gantry/driver-api';
import { GantryError, toGantryError } from '@gantry/errors';

/**
 * One container's steps, one after another. Each caller waits for `deadline` at most: then it is told `timeout`, and a
 * step of its that has not begun never will. A step that has begun goes on, since half of it would be worse, and the
 * next one waits for it: so a stuck container holds up only those who ask for that container.
 */
export class Actor {
  readonly #subject: string;
  readonly #deadline: number;
  readonly #log: Logger;
  #tail: Promise<unknown> = Promise.resolve();
  #busy: string | undefined;

  constructor(subject: string, deadline: number, log: Logger) {
    this.#subject = subject;
    this.#deadline = deadline;
    this.#log = log;
  }

  /** @throws GantryError timeout `container-stuck`; whatever the step throws. */
  async run<T>(what: string, step: () => Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const caller = { left: false };
    const turn = this.#enqueue(what, () => (caller.left ? late : step()));
    const timer = setTimeout(() => {
      caller.left = true;
      reject(this.#stuck(what));
      turn.catch((error: unknown) => this.#log.error({ container: this.#subject, step: what, error: toGantryError(error).message }, 'a step that nobody waited for any more failed'));
    }, this.#deadline);
    try {
      return await Promise.race([turn, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** For what must happen, however long it takes until its turn: the end of a run. */
  async runInTheEnd<T>(what: string, step: () => Promise<T>): Promise<T> {
    return this.#enqueue(what, step);
  }

  #enqueue<T>(what: string, step: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(async () => {
      this.#busy = what;
      try {
        return await step();
      } finally {
        this.#busy = undefined;
      }
    });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  #stuck(what: string): GantryError {
    const blocker = this.#busy === undefined || this.#busy === what ? '' : `: it is busy with ${this.#busy}`;
    return new GantryError('timeout', 'container-stuck', `${what} of container ${this.#subject} did not end within ${this.#deadline / 1000} s${blocker}`, {
      details: { id: this.#subject, step: this.#busy ?? what },
    });
  }

  /** Resolves when what was asked for until now has ended. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}

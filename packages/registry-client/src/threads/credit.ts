/** How much may be under way to the other side of a port: spent by sending, earned back as the other side takes it. */
export class Credit {
  #left: number;
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor(amount: number) {
    this.#left = amount;
  }

  spend(amount: number): void {
    this.#left -= amount;
  }

  earn(amount: number): void {
    this.#left += amount;
    this.#wake();
  }

  /** The other side is gone: nobody waits any more. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /** Waits until there is some. False: closed. For one waiter at a time. */
  async available(): Promise<boolean> {
    while (this.#left <= 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return !this.#isClosed;
  }
}

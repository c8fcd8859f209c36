import { openNative, type Native, type OpenNativeOptions } from '@gantry/linux';

/** The connection to the native side; made anew at its next use when the process there has ended, so that a driver outlives it. */
export class NativeLink implements AsyncDisposable {
  readonly #options: OpenNativeOptions;
  #native: Promise<Native> | undefined;

  private constructor(options: OpenNativeOptions) {
    this.#options = options;
  }

  /** @throws GantryError as `openNative` */
  static async open(options: OpenNativeOptions): Promise<NativeLink> {
    const link = new NativeLink(options);
    await link.get();
    return link;
  }

  /** For one operation: do not keep it. @throws GantryError as `openNative` */
  get(): Promise<Native> {
    if (this.#native === undefined) {
      const opening = openNative(this.#options);
      const forget = (): void => {
        if (this.#native === opening) this.#native = undefined;
      };
      opening.then((native) => native.closed).then(forget, forget);
      this.#native = opening;
    }
    return this.#native;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const native = await this.#native;
    await native?.[Symbol.asyncDispose]();
  }
}

/** Bytes of one chunk of output: each is moved to the reader's thread. */
const chunkSize = 256 * 1024;
const zeros = Buffer.alloc(64 * 1024);

/** Collects what is written into chunks that own their memory. */
export class TarOutput {
  readonly #emit: (chunk: Buffer) => Promise<void>;
  #chunk: Buffer = Buffer.allocUnsafeSlow(chunkSize);
  #filled = 0;

  /** @param emit Takes a full chunk; it is awaited before more is written. */
  constructor(emit: (chunk: Buffer) => Promise<void>) {
    this.#emit = emit;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; ) {
      const n = Math.min(bytes.byteLength - at, chunkSize - this.#filled);
      this.#chunk.set(bytes.subarray(at, at + n), this.#filled);
      this.#filled += n;
      at += n;
      if (this.#filled === chunkSize) await this.flush();
    }
  }

  async zeros(count: number): Promise<void> {
    for (let left = count; left > 0; left -= zeros.length) await this.write(left < zeros.length ? zeros.subarray(0, left) : zeros);
  }

  async flush(): Promise<void> {
    if (this.#filled === 0) return;
    // What moves has to own all of its memory: the last chunk, which is not full, is copied.
    const full = this.#filled === chunkSize ? this.#chunk : copy(this.#chunk.subarray(0, this.#filled));
    this.#chunk = Buffer.allocUnsafeSlow(chunkSize);
    this.#filled = 0;
    await this.#emit(full);
  }
}

function copy(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}

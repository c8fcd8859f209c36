/** Bytes as they came from a socket, taken off the front in the pieces that a parser wants. */
export class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Up to `most` bytes without copying: at the most what is left of the first chunk. */
  takeSome(most: number): Buffer {
    const first = this.#chunks[0];
    if (first === undefined || most === 0) return Buffer.alloc(0);
    if (first.length <= most) {
      this.#chunks.shift();
      this.#length -= first.length;
      return first;
    }
    this.#chunks[0] = first.subarray(most);
    this.#length -= most;
    return first.subarray(0, most);
  }

  /** Exactly `count` bytes, which must be there. */
  take(count: number): Buffer {
    const first = this.takeSome(count);
    if (first.length === count) return first;
    const parts = [first];
    for (let have = first.length; have < count; ) {
      const part = this.takeSome(count - have);
      if (part.length === 0) throw new RangeError('take() of more bytes than there are');
      parts.push(part);
      have += part.length;
    }
    return Buffer.concat(parts, count);
  }

  takeAll(): Buffer {
    return this.take(this.#length);
  }

  /** Where `needle` begins within the first `most` bytes; -1 if it does not. */
  indexOf(needle: string, most: number): number {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
    return this.#chunks[0]?.subarray(0, most).indexOf(needle, 0, 'latin1') ?? -1;
  }
}

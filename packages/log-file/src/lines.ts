import type { FileHandle } from 'node:fs/promises';

const chunkBytes = 64 * 1024;

/** Longer ones are damage: an entry is at most 16 KiB of output, escaped, and its attributes. */
const maxLineBytes = 4 * 1024 * 1024;

const newline = 0x0a;

/** Splits a file that may still grow into lines, from one place on. Only whole lines come out: the rest waits for the next `read`. */
export class LineReader {
  readonly #file: FileHandle;
  readonly #end: number;
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);
  #skipping = false;

  /** @param end Nothing from this offset on is read. */
  constructor(file: FileHandle, offset: number, end?: number) {
    this.#file = file;
    this.#offset = offset;
    this.#end = end ?? Infinity;
  }

  /** The lines of the next piece of the file, without their newlines; undefined: the end, as it is now. */
  async read(): Promise<Buffer[] | undefined> {
    const wanted = Math.min(chunkBytes, this.#end - this.#offset);
    if (wanted <= 0) return undefined;
    const chunk = Buffer.allocUnsafe(wanted);
    const { bytesRead } = await this.#file.read(chunk, 0, wanted, this.#offset);
    if (bytesRead === 0) return this.#truncated();
    this.#offset += bytesRead;
    const data = this.#rest.byteLength === 0 ? chunk.subarray(0, bytesRead) : Buffer.concat([this.#rest, chunk.subarray(0, bytesRead)]);
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = data.indexOf(newline, start); end !== -1; end = data.indexOf(newline, start)) {
      if (this.#skipping) this.#skipping = false;
      else lines.push(data.subarray(start, end));
      start = end + 1;
    }
    const rest = data.subarray(start);
    this.#skipping ||= rest.byteLength > maxLineBytes;
    this.#rest = this.#skipping ? Buffer.alloc(0) : Buffer.from(rest);
    return lines;
  }

  /** An administrator emptied the file in place: what comes now stands at its beginning. */
  async #truncated(): Promise<Buffer[] | undefined> {
    const { size } = await this.#file.stat();
    if (size >= this.#offset) return undefined;
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
    this.#skipping = false;
    return [];
  }
}

/** A line and where it begins. */
export interface PlacedLine {
  readonly offset: number;
  readonly line: Buffer;
}

/**
 * The lines of a file's first `size` bytes from the last to the first, read piece by piece from the end, so that the
 * last lines of a large file cost no more than those of a small one. Bytes behind the last newline are no line yet.
 */
export async function* linesBackward(file: FileHandle, size: number): AsyncGenerator<PlacedLine> {
  let end = size; // of what was not read yet
  let tail: Buffer | undefined; // a line whose beginning was not read yet, without its newline
  while (end > 0) {
    const start = Math.max(0, end - chunkBytes);
    const chunk = Buffer.allocUnsafe(end - start);
    const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, start);
    if (bytesRead < chunk.byteLength) return; // cut short by someone else: what is older can't be placed
    let cut = chunk.byteLength;
    for (let at = chunk.lastIndexOf(newline); at !== -1; at = at === 0 ? -1 : chunk.lastIndexOf(newline, at - 1)) {
      const piece = chunk.subarray(at + 1, cut);
      if (tail !== undefined) yield { offset: start + at + 1, line: tail.byteLength === 0 ? piece : Buffer.concat([piece, tail]) };
      tail = Buffer.alloc(0);
      cut = at;
    }
    const begin = chunk.subarray(0, cut);
    if (tail !== undefined) tail = tail.byteLength + begin.byteLength > maxLineBytes ? Buffer.alloc(0) : Buffer.concat([begin, tail]);
    end = start;
  }
  if (tail !== undefined) yield { offset: 0, line: tail };
}

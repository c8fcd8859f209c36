import { TarParser, type TarHandler } from './tar-parser.ts';
import type { TarChunk, TarEntry, TarHeader, TarLimits } from './tar-types.ts';

type Event = { readonly entry: TarHeader; readonly offset: number } | { readonly chunk: TarChunk } | { readonly end: true };

const ended: Event = { end: true };

/**
 * Reads an archive entry by entry: ustar, PAX, GNU and v7, with sparse files, extended attributes and nanoseconds.
 *
 * The contents are views of the chunks that come in, uncopied. An entry's content is to be read before the next entry is
 * asked for; what was not read is skipped.
 *
 * @throws GantryError invalid `tar-malformed`, `tar-truncated`, `tar-unsafe-name`, `tar-unsupported` (`details.offset`);
 * exhausted `tar-limit`.
 */
export async function* readTar(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: { readonly limits?: Partial<TarLimits> } = {}): AsyncGenerator<TarEntry, void, void> {
  const events = new Events(bytes, options.limits);
  try {
    for (let event = await events.next(); event !== undefined; event = await events.next()) {
      if ('entry' in event) yield { header: event.entry, offset: event.offset, content: events.content() };
      // Else it is what was not read of the content before.
    }
  } finally {
    await events.close();
  }
}

/** Pulls chunks through the parser and hands out what it tells, one by one. */
class Events {
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  readonly #parser: TarParser;
  #queue: Event[] = [];
  #next = 0;
  #done = false;
  /** Counts entries, so that the content of an earlier one yields nothing of a later. */
  #generation = 0;
  #open = false;

  constructor(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, limits: Partial<TarLimits> | undefined) {
    this.#source = Symbol.asyncIterator in bytes ? bytes[Symbol.asyncIterator]() : bytes[Symbol.iterator]();
    const handler: TarHandler = {
      entry: (header, offset) => this.#queue.push({ entry: header, offset }),
      data: (data) => this.#queue.push({ chunk: { data } }),
      hole: (hole) => this.#queue.push({ chunk: { hole } }),
      end: () => this.#queue.push(ended),
    };
    this.#parser = new TarParser(handler, limits);
  }

  async next(): Promise<Event | undefined> {
    while (this.#next === this.#queue.length) {
      if (this.#done) return undefined;
      this.#queue = [];
      this.#next = 0;
      const result = await this.#source.next();
      if (result.done === true) {
        this.#done = true;
        this.#parser.finish();
      } else {
        const { buffer, byteOffset, byteLength } = result.value;
        this.#parser.push(Buffer.from(buffer, byteOffset, byteLength));
      }
    }
    const event = this.#queue[this.#next];
    this.#next += 1;
    if (event !== undefined && 'entry' in event) {
      this.#generation += 1;
      this.#open = true;
    } else if (event === ended) {
      this.#open = false;
    }
    return event;
  }

  /** The content of the entry that was last told. */
  async *content(): AsyncGenerator<TarChunk, void, void> {
    const mine = this.#generation;
    while (this.#generation === mine && this.#open) {
      const event = await this.next();
      if (event === undefined || !('chunk' in event)) return;
      yield event.chunk;
    }
  }

  async close(): Promise<void> {
    this.#done = true;
    await this.#source.return?.();
  }
}

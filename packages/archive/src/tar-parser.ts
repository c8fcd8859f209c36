import { quoted, tarInvalid, tarLimit } from './tar-error.ts';
import { blockSize, isZeroBlock, parseHeader, type RawHeader } from './tar-header.ts';
import { tarLimits } from './tar-limits.ts';
import { interpret, type Extended, type Interpreted } from './tar-entry.ts';
import { longText, mergeGlobals, parsePax } from './tar-pax.ts';
import { checkRegions, OldSparseReader, SparseMapReader } from './tar-sparse.ts';
import type { TarHeader, TarLimits, TarRegion } from './tar-types.ts';

/** Is told what an archive holds, in its order. After each `entry` of a file come its pieces; `end` after each entry. */
export interface TarHandler {
  entry(header: TarHeader, offset: number): void;
  /** A view of a chunk that was pushed. */
  data(bytes: Buffer): void;
  /** Zeros that are not stored. */
  hole(bytes: number): void;
  end(): void;
}

/** What is being read. */
type State =
  | { readonly at: 'header' }
  /** One zero block was there: the next one ends the archive. */
  | { readonly at: 'zero' }
  | { readonly at: 'extended'; readonly type: string; readonly bytes: Buffer; filled: number }
  | { readonly at: 'sparse-map'; readonly entry: Interpreted; readonly size: number; readonly reader: SparseMapReader; blocks: number }
  | { readonly at: 'old-sparse'; readonly raw: RawHeader; readonly reader: OldSparseReader }
  | { readonly at: 'data'; left: number }
  | { readonly at: 'sparse-data'; readonly regions: readonly TarRegion[]; readonly size: number; next: number; left: number; position: number }
  | { readonly at: 'padding'; left: number }
  | { readonly at: 'done' };

/** States in which whole blocks are looked at. */
type BlockState = Extract<State, { at: 'header' | 'zero' | 'sparse-map' | 'old-sparse' }>;

const header: State = { at: 'header' };

/**
 * Reads an archive as it comes, chunk by chunk, without copying what files hold. One strict decoder: what other readers may
 * understand differently is an error.
 */
export class TarParser {
  readonly #handler: TarHandler;
  readonly #limits: TarLimits;
  #state: State = header;
  /** A block of which a part has come. */
  readonly #carry = Buffer.alloc(blockSize);
  #carried = 0;
  /** Where in the archive the next byte to be looked at is. */
  #position = 0;
  /** Of the first header that speaks of the entry at hand. */
  #entryOffset = 0;
  #extended: Extended = {};
  #globals: ReadonlyMap<string, Buffer> = new Map();
  /** Bytes behind the content of the entry at hand. */
  #padding = 0;
  #entries = 0;
  #bytes = 0;

  constructor(handler: TarHandler, limits?: Partial<TarLimits>) {
    this.#handler = handler;
    this.#limits = tarLimits(limits);
  }

  /** Bytes seen. */
  get position(): number {
    return this.#position;
  }

  get entries(): number {
    return this.#entries;
  }

  /** @throws GantryError invalid, exhausted: the archive is at fault, and the parser must not be used again. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const state = this.#state;
      const room = chunk.length - at;
      switch (state.at) {
        case 'data': {
          const n = Math.min(room, state.left);
          this.#handler.data(chunk.subarray(at, at + n));
          at += n;
          this.#position += n;
          state.left -= n;
          if (state.left === 0) this.#endEntry();
          break;
        }
        case 'sparse-data':
          at += this.#sparseData(state, chunk, at);
          break;
        case 'extended': {
          const n = Math.min(room, state.bytes.length - state.filled);
          chunk.copy(state.bytes, state.filled, at, at + n);
          at += n;
          this.#position += n;
          state.filled += n;
          if (state.filled === state.bytes.length) this.#endExtended(state.type, state.bytes);
          break;
        }
        case 'padding': {
          const n = Math.min(room, state.left);
          at += n;
          this.#position += n;
          state.left -= n;
          if (state.left === 0) this.#state = header;
          break;
        }
        case 'done':
          // What follows the end of an archive is nobody's concern.
          this.#position += room;
          return;
        default:
          at += this.#takeBlock(state, chunk, at);
      }
    }
  }

  /**
   * The archive has come to its end.
   *
   * @throws GantryError invalid `tar-truncated`
   */
  finish(): void {
    const complete = this.#carried === 0 && (this.#state.at === 'header' || this.#state.at === 'zero' || this.#state.at === 'done');
    if (!complete) throw tarInvalid(this.#position, 'it ends in the middle of an entry', 'tar-truncated');
    if (this.#pending()) {
      throw tarInvalid(this.#position, 'it ends behind an extended header, without the entry it speaks of', 'tar-truncated');
    }
  }

  /** One block, where only whole ones are understood; how many bytes of the chunk went into it. */
  #takeBlock(state: BlockState, chunk: Buffer, at: number): number {
    const room = chunk.length - at;
    if (this.#carried === 0 && room >= blockSize) {
      this.#block(state, chunk.subarray(at, at + blockSize));
      this.#position += blockSize;
      return blockSize;
    }
    const n = Math.min(room, blockSize - this.#carried);
    chunk.copy(this.#carry, this.#carried, at, at + n);
    this.#carried += n;
    if (this.#carried === blockSize) {
      this.#carried = 0;
      // Position is that of the block's beginning while it is looked at.
      this.#position -= blockSize - n;
      this.#block(state, this.#carry);
      this.#position += blockSize - n;
    }
    this.#position += n;
    return n;
  }

  #block(state: BlockState, block: Buffer): void {
    switch (state.at) {
      case 'header':
      case 'zero':
        this.#header(state.at === 'zero', block);
        break;
      case 'sparse-map':
        this.#sparseMap(state, block);
        break;
      case 'old-sparse':
        state.reader.push(block);
        if (!state.reader.more) this.#oldSparse(state.raw, state.reader);
    }
  }

  #header(afterZero: boolean, block: Buffer): void {
    const offset = this.#position;
    if (isZeroBlock(block)) {
      if (this.#pending()) throw tarInvalid(offset, 'the archive ends behind an extended header, without the entry it speaks of', 'tar-truncated');
      this.#state = { at: afterZero ? 'done' : 'zero' };
      return;
    }
    if (afterZero) throw tarInvalid(offset, 'a single zero block stands among the entries');
    const raw = parseHeader(block, offset);
    if (!this.#pending()) this.#entryOffset = offset;
    switch (raw.type) {
      case 'x':
      case 'g':
      case 'L':
      case 'K':
        this.#beginExtended(raw, offset);
        return;
      case 'S':
        this.#beginOldSparse(raw, block, offset);
        return;
      default:
        this.#begin(interpret(raw, this.#extended, this.#globals, offset, this.#limits));
    }
  }

  #pending(): boolean {
    return this.#extended.pax !== undefined || this.#extended.longName !== undefined || this.#extended.longLink !== undefined;
  }

  #beginExtended(raw: RawHeader, offset: number): void {
    const { pax, longName, longLink } = this.#extended;
    const twice = raw.type === 'x' ? pax !== undefined : raw.type === 'L' ? longName !== undefined : raw.type === 'K' ? longLink !== undefined : this.#pending();
    if (twice) throw tarInvalid(offset, 'an extended header where its entry has to be');
    if (raw.size > this.#limits.maxExtended) throw tarLimit(offset, `an extended header of ${raw.size} bytes`);
    this.#state = { at: 'extended', type: raw.type, bytes: Buffer.allocUnsafeSlow(raw.size), filled: 0 };
    if (raw.size === 0) this.#endExtended(raw.type, Buffer.alloc(0));
  }

  #endExtended(type: string, bytes: Buffer): void {
    const offset = this.#entryOffset;
    switch (type) {
      case 'x':
        this.#extended = { ...this.#extended, pax: parsePax(bytes, offset) };
        break;
      case 'g':
        this.#globals = mergeGlobals(this.#globals, parsePax(bytes, offset), offset);
        break;
      case 'L':
        this.#extended = { ...this.#extended, longName: longText(bytes, offset) };
        break;
      default:
        this.#extended = { ...this.#extended, longLink: longText(bytes, offset) };
    }
    this.#pad(bytes.length);
  }

  /** Begins an entry whose header is complete. */
  #begin(entry: Interpreted): void {
    this.#extended = {};
    this.#count(entry.header);
    if (entry.mapAhead) {
      if (entry.stored < blockSize) throw tarInvalid(this.#entryOffset, 'a sparse file has no map');
      const size = entry.header.type === 'file' ? entry.header.size : 0;
      this.#state = { at: 'sparse-map', entry, size, reader: new SparseMapReader(this.#entryOffset, this.#limits), blocks: 0 };
      return;
    }
    if (entry.regions !== undefined) {
      this.#beginSparse(entry.header, entry.regions, entry.stored);
      return;
    }
    this.#handler.entry(entry.header, this.#entryOffset);
    this.#padding = padding(entry.stored);
    if (entry.stored === 0) this.#endEntry();
    else this.#state = { at: 'data', left: entry.stored };
  }

  #sparseMap(state: Extract<State, { at: 'sparse-map' }>, block: Buffer): void {
    state.blocks += 1;
    const regions = state.reader.push(block);
    const left = state.entry.stored - state.blocks * blockSize;
    if (regions !== undefined) {
      if (left < 0) throw tarInvalid(this.#entryOffset, 'the map of a sparse file is longer than its content');
      this.#beginSparse(state.entry.header, regions, left);
    } else if (left < blockSize) {
      throw tarInvalid(this.#entryOffset, 'the map of a sparse file is incomplete');
    }
  }

  #beginOldSparse(raw: RawHeader, block: Buffer, offset: number): void {
    if (raw.format !== 'gnu') throw tarInvalid(offset, 'an entry of the unknown type "S"', 'tar-unsupported');
    const reader = new OldSparseReader(block, offset, this.#limits);
    if (reader.more) this.#state = { at: 'old-sparse', raw, reader };
    else this.#oldSparse(raw, reader);
  }

  #oldSparse(raw: RawHeader, reader: OldSparseReader): void {
    const entry = interpret(raw, this.#extended, this.#globals, this.#entryOffset, this.#limits);
    if (entry.header.type !== 'file' || entry.regions !== undefined || entry.mapAhead) throw tarInvalid(this.#entryOffset, 'a sparse file is described in two ways');
    this.#extended = {};
    const file = { ...entry.header, size: reader.size };
    this.#count(file);
    this.#beginSparse(file, reader.regions, entry.stored);
  }

  #beginSparse(entry: TarHeader, regions: readonly TarRegion[], stored: number): void {
    if (entry.type !== 'file') throw tarInvalid(this.#entryOffset, `${quoted(entry.path)} is sparse, and no regular file`);
    const sparse = checkRegions(regions, entry.size, stored, this.#entryOffset);
    this.#handler.entry({ ...entry, sparse }, this.#entryOffset);
    this.#padding = padding(stored);
    const state: State = { at: 'sparse-data', regions: sparse, size: entry.size, next: 0, left: 0, position: 0 };
    this.#state = state;
    this.#nextRegion(state);
  }

  /** Tells the hole before the next region; behind the last one, the entry's end. */
  #nextRegion(state: Extract<State, { at: 'sparse-data' }>): void {
    const region = state.regions[state.next];
    const until = region?.offset ?? state.size;
    if (until > state.position) this.#handler.hole(until - state.position);
    state.position = until;
    if (region === undefined) {
      this.#endEntry();
      return;
    }
    state.next += 1;
    state.left = region.bytes;
  }

  #sparseData(state: Extract<State, { at: 'sparse-data' }>, chunk: Buffer, at: number): number {
    const n = Math.min(chunk.length - at, state.left);
    this.#handler.data(chunk.subarray(at, at + n));
    this.#position += n;
    state.left -= n;
    state.position += n;
    if (state.left === 0) this.#nextRegion(state);
    return n;
  }

  #endEntry(): void {
    this.#handler.end();
    this.#pad(0, this.#padding);
  }

  #pad(length: number, bytes: number = padding(length)): void {
    this.#state = bytes === 0 ? header : { at: 'padding', left: bytes };
  }

  #count(entry: TarHeader): void {
    this.#entries += 1;
    if (this.#entries > this.#limits.maxEntries) throw tarLimit(this.#entryOffset, `more than ${this.#limits.maxEntries} entries`);
    if (entry.type !== 'file') return;
    this.#bytes += entry.size;
    if (this.#bytes > this.#limits.maxBytes) throw tarLimit(this.#entryOffset, `files of more than ${this.#limits.maxBytes} bytes in all`);
  }
}

/** Bytes up to the next whole block. */
function padding(length: number): number {
  return (blockSize - (length % blockSize)) % blockSize;
}

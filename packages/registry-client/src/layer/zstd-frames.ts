import { GantryError } from '@gantry/errors';

const magic = 0xfd2fb528;
/** Sixteen values, 0x184D2A50 to 0x184D2A5F. */
const skippableMagic = 0x184d2a50;
/** zstd:chunked makes a frame of each file; beyond that, a layer of tiny frames only wants to cost time. */
const maxFrames = 2 ** 20;

/** Fields whose bytes are looked at. */
type Field = 'magic' | 'skippable-size' | 'descriptor' | 'block-header';
/** Stretches that are passed over. */
type Stretch = 'header' | 'block' | 'last-block' | 'checksum' | 'skipped';
/** What comes next, and how many bytes of it are still to come. */
type State = { readonly field: Field; readonly size: number } | { readonly stretch: Stretch; readonly left: number };

const betweenFrames: State = { field: 'magic', size: 4 };
const betweenBlocks: State = { field: 'block-header', size: 3 };

/**
 * Finds where the frames of a zstd stream end (RFC 8878, 3.1), without decompressing, so that each frame can be handed to
 * Node's decompressor by itself: given two frames in one chunk, it ends after the first and drops the rest.
 */
export class ZstdFrames {
  #state = betweenFrames;
  #hasChecksum = false;
  #frames = 0;
  /** The field that is being read: a chunk's end may cut it. */
  readonly #field: number[] = [];

  /** At the end of a frame, and there was one. */
  get isComplete(): boolean {
    return this.#frames > 0 && this.#state === betweenFrames && this.#field.length === 0;
  }

  /**
   * Cuts a chunk behind each end of a frame. Skippable frames stay in: the decompressor passes over them.
   * @throws GantryError dataLoss `layer-corrupt`; exhausted `layer-too-many-frames`.
   */
  *split(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    let start = 0;
    for (let at = 0; at < chunk.length; ) {
      at += this.#advance(chunk, at);
      if (this.#state !== betweenFrames || this.#field.length > 0) continue;
      yield chunk.subarray(start, at);
      start = at;
    }
    if (start < chunk.length) yield chunk.subarray(start);
  }

  /** Returns how many bytes it took. */
  #advance(chunk: Uint8Array, at: number): number {
    const state = this.#state;
    if ('stretch' in state) {
      const step = Math.min(state.left, chunk.length - at);
      this.#state = step < state.left ? { ...state, left: state.left - step } : this.#behind(state.stretch);
      return step;
    }
    this.#field.push(chunk[at] ?? 0);
    if (this.#field.length === state.size) {
      const value = this.#field.reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0);
      this.#field.length = 0;
      this.#state = this.#after(state.field, value);
    }
    return 1;
  }

  #behind(stretch: Stretch): State {
    if (stretch === 'header' || stretch === 'block') return betweenBlocks;
    return stretch === 'last-block' && this.#hasChecksum ? { stretch: 'checksum', left: 4 } : betweenFrames;
  }

  #after(field: Field, value: number): State {
    switch (field) {
      case 'magic':
        return this.#begin(value);
      case 'skippable-size':
        return value === 0 ? betweenFrames : { stretch: 'skipped', left: value };
      case 'descriptor':
        return { stretch: 'header', left: this.#headerSize(value) };
      case 'block-header':
        return this.#block(value);
    }
  }

  #begin(value: number): State {
    if (++this.#frames > maxFrames) throw new GantryError('exhausted', 'layer-too-many-frames', `a zstd layer has more than ${maxFrames} frames`);
    if (value === magic) return { field: 'descriptor', size: 1 };
    if (value >= skippableMagic && value < skippableMagic + 16) return { field: 'skippable-size', size: 4 };
    throw corrupt('no frame begins where one should');
  }

  /** Bytes of the frame header behind its descriptor: window, dictionary id, content size (3.1.1.1). Never 0. */
  #headerSize(descriptor: number): number {
    if ((descriptor & 0x08) !== 0) throw corrupt('a reserved bit is set');
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    const isSingleSegment = (descriptor & 0x20) !== 0;
    const sizeFlag = descriptor >> 6;
    const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
    const contentSize = sizeFlag === 0 ? Number(isSingleSegment) : 2 ** sizeFlag;
    return Number(!isSingleSegment) + dictionary + contentSize;
  }

  #block(header: number): State {
    const isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    if (type === 3) throw corrupt('a block has the reserved type');
    // A run-length block is one byte, however long the run.
    const left = type === 1 ? 1 : header >> 3;
    if (left > 0) return { stretch: isLast ? 'last-block' : 'block', left };
    return isLast ? this.#behind('last-block') : betweenBlocks;
  }
}

function corrupt(why: string): GantryError {
  return new GantryError('dataLoss', 'layer-corrupt', `a layer is not a valid zstd stream: ${why}`);
}

import { tarInvalid, tarLimit } from './tar-error.ts';
import { blockSize } from './tar-header.ts';
import { decimal, headerNumber } from './tar-number.ts';
import type { TarLimits, TarRegion } from './tar-types.ts';

/** Digits of a number in a map, and the newline behind. */
const maxNumber = 24;

/** GNU sparse 0.0: offsets and sizes in turns, each a record of its own. */
export function regionsOfRecords(values: readonly Buffer[], offset: number, limits: TarLimits): TarRegion[] {
  return pairs(values.map((value) => number(value, offset)), offset, limits);
}

/** GNU sparse 0.1: offsets and sizes in turns, separated by commas. */
export function regionsOfList(list: Buffer, offset: number, limits: TarLimits): TarRegion[] {
  if (list.length === 0) return [];
  // A map of this many bytes has no more numbers than the limit allows: checked before it is split.
  if (list.length > 2 * limits.maxRegions * maxNumber) throw tooMany(offset, limits);
  return pairs(list.toString('latin1').split(',').map((item) => number(Buffer.from(item, 'latin1'), offset)), offset, limits);
}

/** GNU sparse 1.0: the map stands before the data, in blocks of its own. */
export class SparseMapReader {
  readonly #offset: number;
  readonly #limits: TarLimits;
  readonly #numbers: number[] = [];
  #expected: number | undefined;
  #digits = '';

  constructor(offset: number, limits: TarLimits) {
    this.#offset = offset;
    this.#limits = limits;
  }

  /** Takes one block; the map, once it is complete. */
  push(block: Buffer): TarRegion[] | undefined {
    for (let at = 0; at < block.length; ) {
      const end = block.indexOf(0x0a, at);
      this.#digits += block.toString('latin1', at, end === -1 ? block.length : end);
      if (this.#digits.length > maxNumber) throw tarInvalid(this.#offset, 'the map of a sparse file is malformed');
      if (end === -1) return undefined;
      at = end + 1;
      const value = number(Buffer.from(this.#digits, 'latin1'), this.#offset);
      this.#digits = '';
      if (this.#expected === undefined) {
        if (value > this.#limits.maxRegions) throw tooMany(this.#offset, this.#limits);
        this.#expected = 2 * value;
      } else {
        this.#numbers.push(value);
      }
      if (this.#numbers.length === this.#expected) return pairs(this.#numbers, this.#offset, this.#limits);
    }
    return undefined;
  }
}

/** GNU's old sparse format: regions in the header and in blocks behind it. */
export class OldSparseReader {
  readonly regions: TarRegion[] = [];
  readonly size: number;
  /** Whether another block of regions follows. */
  more: boolean;
  readonly #offset: number;
  readonly #limits: TarLimits;
  #ended = false;

  constructor(header: Buffer, offset: number, limits: TarLimits) {
    this.#offset = offset;
    this.#limits = limits;
    this.#take(header, 386, 4);
    this.more = header[482] === 1;
    this.size = natural(headerNumber(header, 483, 12), offset);
  }

  push(block: Buffer): void {
    this.#take(block, 0, 21);
    this.more = block[504] === 1;
  }

  #take(block: Buffer, start: number, count: number): void {
    for (let i = 0; i < count; i += 1) {
      const at = start + 24 * i;
      // Unused places are blank; nothing may stand behind one.
      if (block[at] === 0 && block[at + 12] === 0) {
        this.#ended = true;
        continue;
      }
      if (this.#ended) throw tarInvalid(this.#offset, 'the map of a sparse file has gaps');
      if (this.regions.length >= this.#limits.maxRegions) throw tooMany(this.#offset, this.#limits);
      this.regions.push({
        offset: natural(headerNumber(block, at, 12), this.#offset),
        bytes: natural(headerNumber(block, at + 12, 12), this.#offset),
      });
    }
  }
}

/**
 * Checks that regions are in order, apart, within the file, and add up to what is stored; and that all readers find the
 * bytes of each at the same place.
 *
 * @returns Those that hold something.
 */
export function checkRegions(regions: readonly TarRegion[], size: number, stored: number, offset: number): TarRegion[] {
  let end = 0;
  let sum = 0;
  for (const region of regions) {
    if (region.offset < end || region.bytes > size - region.offset) throw tarInvalid(offset, 'the regions of a sparse file overlap or leave it');
    // GNU tar reads each region from a block of its own, others read on where the last one ended.
    if (region.bytes > 0 && sum % blockSize !== 0) throw tarInvalid(offset, 'a region of a sparse file is stored within a block');
    end = region.offset + region.bytes;
    sum += region.bytes;
  }
  // Where no region ends at the end, some readers make the file shorter.
  if (end !== size) throw tarInvalid(offset, `the regions of a sparse file end at ${end}, and the file at ${size}`);
  if (sum !== stored) throw tarInvalid(offset, `a sparse file says that it stores ${sum} bytes, and stores ${stored}`);
  return regions.filter((region) => region.bytes > 0);
}

function pairs(numbers: readonly number[], offset: number, limits: TarLimits): TarRegion[] {
  if (numbers.length % 2 !== 0) throw tarInvalid(offset, 'the map of a sparse file is incomplete');
  if (numbers.length > 2 * limits.maxRegions) throw tooMany(offset, limits);
  const regions: TarRegion[] = [];
  for (let i = 0; i < numbers.length; i += 2) regions.push({ offset: numbers[i] ?? 0, bytes: numbers[i + 1] ?? 0 });
  return regions;
}

function number(bytes: Buffer, offset: number): number {
  return natural(decimal(bytes), offset);
}

function natural(value: number | undefined, offset: number): number {
  if (value === undefined || value < 0) throw tarInvalid(offset, 'the map of a sparse file is malformed');
  return value;
}

function tooMany(offset: number, limits: TarLimits): Error {
  return tarLimit(offset, `a sparse file of more than ${limits.maxRegions} regions`);
}

import { tarInvalid } from './tar-error.ts';
import { headerNumber } from './tar-number.ts';

export const blockSize = 512;

/** One header block as it stands there, before extended headers are laid over it. */
export interface RawHeader {
  readonly type: string;
  readonly format: 'v7' | 'ustar' | 'gnu';
  readonly name: Buffer;
  readonly link: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds. */
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

const at = { name: 0, mode: 100, uid: 108, gid: 116, size: 124, mtime: 136, checksum: 148, type: 156, link: 157, magic: 257, major: 329, minor: 337, prefix: 345, starTimes: 476, trailer: 508 } as const;
const ustarMagic = Buffer.from('ustar\0');
const gnuMagic = Buffer.from('ustar  \0');
const starTrailer = Buffer.from('tar\0');
const starTimes = /^[0-7]{11} [0-7]{11} $/;

export function isZeroBlock(block: Buffer): boolean {
  // A header is told apart by its first byte already.
  for (let i = 0; i < blockSize; i += 1) {
    if (block[i] !== 0) return false;
  }
  return true;
}

/**
 * Reads one header block. Strings and numbers are copies.
 *
 * @throws GantryError invalid `tar-malformed`
 */
export function parseHeader(block: Buffer, offset: number): RawHeader {
  checkSum(block, offset);
  const format = formatOf(block);
  const field = (name: string, start: number, length: number): number => {
    const value = headerNumber(block, start, length);
    if (value === undefined) throw tarInvalid(offset, `the field "${name}" of a header is no number`);
    return value;
  };
  const natural = (name: string, start: number, length: number): number => {
    const value = field(name, start, length);
    if (value < 0) throw tarInvalid(offset, `the field "${name}" of a header is negative`);
    return value;
  };
  const devices = format !== 'v7';
  return {
    type: String.fromCharCode(block.readUInt8(at.type)),
    format,
    name: nameOf(block, format, offset),
    link: text(block, at.link, 100),
    mode: natural('mode', at.mode, 8),
    uid: natural('uid', at.uid, 8),
    gid: natural('gid', at.gid, 8),
    size: natural('size', at.size, 12),
    mtime: field('mtime', at.mtime, 12),
    major: devices ? natural('devmajor', at.major, 8) : 0,
    minor: devices ? natural('devminor', at.minor, 8) : 0,
  };
}

/** The sum of all bytes with the sum's own field as spaces; some old writers summed signed bytes. */
function checkSum(block: Buffer, offset: number): void {
  const stored = headerNumber(block, at.checksum, 8);
  let sum = 8 * 0x20;
  for (let i = 0; i < at.checksum; i += 1) sum += block[i] ?? 0;
  for (let i = at.checksum + 8; i < blockSize; i += 1) sum += block[i] ?? 0;
  if (stored === sum) return;
  let high = 0;
  for (let i = 0; i < blockSize; i += 1) {
    if ((i < at.checksum || i >= at.checksum + 8) && (block[i] ?? 0) >= 0x80) high += 1;
  }
  if (stored !== sum - high * 256) throw tarInvalid(offset, 'a header has a wrong checksum, or there is none where one has to be');
}

function formatOf(block: Buffer): RawHeader['format'] {
  if (block.subarray(at.magic, at.magic + 8).equals(gnuMagic)) return 'gnu';
  return block.subarray(at.magic, at.magic + 6).equals(ustarMagic) ? 'ustar' : 'v7';
}

function nameOf(block: Buffer, format: RawHeader['format'], offset: number): Buffer {
  const name = text(block, at.name, 100);
  if (format !== 'ustar' || block[at.prefix] === 0) return name;
  let length = 155;
  if (block.subarray(at.trailer).equals(starTrailer)) {
    // star keeps two times in the end of the prefix; others would take them for a part of the name.
    if (block[at.starTimes - 1] !== 0 || !starTimes.test(block.toString('latin1', at.starTimes, at.starTimes + 24))) {
      throw tarInvalid(offset, 'a header of star is malformed');
    }
    length = 131;
  }
  return Buffer.concat([text(block, at.prefix, length), slash, name]);
}

const slash = Buffer.from('/');

/** Up to the first NUL, as a copy. */
function text(block: Buffer, start: number, length: number): Buffer {
  let end = start;
  while (end < start + length && block[end] !== 0) end += 1;
  return end === start ? empty : Buffer.from(block.subarray(start, end));
}

const empty = Buffer.alloc(0);

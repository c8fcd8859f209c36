import { GantryError } from '@gantry/errors';
import { quoted } from './tar-error.ts';
import { blockSize } from './tar-header.ts';
import type { TarHeader } from './tar-types.ts';

const slash = 0x2f;
const maxOctal7 = 0o7777777;
const maxOctal11 = 0o77777777777;
const typeFlag = { file: '0', hardlink: '1', symlink: '2', char: '3', block: '4', dir: '5', fifo: '6' } as const;
const second = 1_000_000_000n;

/** Zeros up to a whole block. */
export function tarPadding(size: number): Buffer {
  return zeros.subarray(0, (blockSize - (size % blockSize)) % blockSize);
}

/** The end of an archive: two zero blocks. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockSize);
const zeros = tarEnd;
const empty = Buffer.alloc(0);

/** What a header block holds. */
interface Fields {
  readonly type: string;
  readonly name: Buffer;
  readonly prefix: Buffer;
  readonly link: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

/**
 * The blocks before an entry's content: ustar, with an extended header (PAX) only for what ustar cannot say. Equal headers
 * give equal bytes.
 *
 * @throws GantryError invalid `tar-cannot-hold`: a name that holds a zero byte.
 */
export function encodeHeader(entry: TarHeader): Buffer {
  const path = entry.type === 'dir' ? Buffer.concat([entry.path.length === 0 ? dotName : entry.path, slashName]) : entry.path;
  const link = entry.type === 'symlink' || entry.type === 'hardlink' ? entry.link : empty;
  const size = entry.type === 'file' ? entry.size : 0;
  const [major, minor] = entry.type === 'char' || entry.type === 'block' ? [entry.major, entry.minor] : [0, 0];
  for (const bytes of [path, link]) {
    if (bytes.includes(0)) throw new GantryError('invalid', 'tar-cannot-hold', `A tar archive cannot hold the name ${quoted(bytes)}: it has a zero byte`);
  }
  const records: Buffer[] = [];
  const say = (key: string, value: Buffer | string): unknown => records.push(paxRecord(key, typeof value === 'string' ? Buffer.from(value) : value));
  const split = splitName(path);
  if (split === undefined) say('path', path);
  if (link.length > 100) say('linkpath', link);
  if ((split === undefined && !isUtf8(path)) || (link.length > 100 && !isUtf8(link))) records.unshift(paxRecord('hdrcharset', Buffer.from('BINARY')));
  if (size > maxOctal11) say('size', String(size));
  if (entry.uid > maxOctal7) say('uid', String(entry.uid));
  if (entry.gid > maxOctal7) say('gid', String(entry.gid));
  const seconds = floorSeconds(entry.mtimeNs);
  const plainTime = entry.mtimeNs === BigInt(seconds) * second && seconds >= 0 && seconds <= maxOctal11;
  if (!plainTime) say('mtime', paxTime(entry.mtimeNs));
  if (major > maxOctal7) say('SCHILY.devmajor', String(major));
  if (minor > maxOctal7) say('SCHILY.devminor', String(minor));
  // By name, so that the order in which the kernel lists them does not matter.
  for (const [name, value] of [...entry.xattrs].sort(([a], [b]) => (a < b ? -1 : 1))) records.push(xattrRecord(name, value));

  const block = encodeBlock({
    type: typeFlag[entry.type],
    ...(split ?? { name: path.subarray(0, 100), prefix: empty }),
    link: link.subarray(0, 100),
    mode: entry.mode,
    uid: entry.uid > maxOctal7 ? 0 : entry.uid,
    gid: entry.gid > maxOctal7 ? 0 : entry.gid,
    size: size > maxOctal11 ? 0 : size,
    mtime: plainTime ? seconds : Math.min(Math.max(seconds, 0), maxOctal11),
    major: major > maxOctal7 ? 0 : major,
    minor: minor > maxOctal7 ? 0 : minor,
  });
  return records.length === 0 ? block : Buffer.concat([extendedHeader(path, records), block]);
}

const dotName = Buffer.from('.');
const slashName = Buffer.from('/');

function extendedHeader(path: Buffer, records: readonly Buffer[]): Buffer {
  const body = Buffer.concat(records);
  const end = path[path.length - 1] === slash ? path.length - 1 : path.length;
  const base = path.subarray(path.lastIndexOf(slash, end - 1) + 1, end).subarray(0, 80);
  const fields: Fields = { type: 'x', name: Buffer.concat([Buffer.from('PaxHeaders.0/'), base]), prefix: empty, link: empty, mode: 0o644, uid: 0, gid: 0, size: body.length, mtime: 0, major: 0, minor: 0 };
  return Buffer.concat([encodeBlock(fields), body, tarPadding(body.length)]);
}

function encodeBlock(f: Fields): Buffer {
  const block = Buffer.alloc(blockSize);
  block.set(f.name, 0);
  octal(block, 100, 8, f.mode);
  octal(block, 108, 8, f.uid);
  octal(block, 116, 8, f.gid);
  octal(block, 124, 12, f.size);
  octal(block, 136, 12, f.mtime);
  block.fill(0x20, 148, 156);
  block.write(f.type, 156, 'latin1');
  block.set(f.link, 157);
  block.write('ustar\x0000', 257, 'latin1');
  octal(block, 329, 8, f.major);
  octal(block, 337, 8, f.minor);
  block.set(f.prefix, 345);
  let sum = 0;
  for (const byte of block) sum += byte;
  octal(block, 148, 7, sum);
  return block;
}

/** Digits and a NUL. */
function octal(block: Buffer, start: number, length: number, value: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), start, 'latin1');
  block[start + length - 1] = 0;
}

/** A name as the two fields of ustar; `undefined`: it does not fit them. */
function splitName(path: Buffer): { readonly name: Buffer; readonly prefix: Buffer } | undefined {
  if (path.length <= 100) return { name: path, prefix: empty };
  if (path.length > 256) return undefined;
  // The last slash that leaves a prefix of at most 155 bytes; a trailing one belongs to the name.
  const at = path.lastIndexOf(slash, Math.min(155, path.length - 2));
  return at <= 0 || path.length - at - 1 > 100 ? undefined : { name: path.subarray(at + 1), prefix: path.subarray(0, at) };
}

/** "length keyword=value\n", where the length counts its own digits. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')]);
  let length = rest.length + String(rest.length).length;
  if (rest.length + String(length).length !== length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** As star and Docker have it; names that others could misread as libarchive has it. */
function xattrRecord(name: string, value: Buffer): Buffer {
  if (!/[%=]|[^\x21-\x7e]/.test(name)) return paxRecord(`SCHILY.xattr.${name}`, value);
  const escaped = name.replace(/[%=]|[^\x21-\x7e]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
  return paxRecord(`LIBARCHIVE.xattr.${escaped}`, Buffer.from(value.toString('base64').replace(/=+$/, '')));
}

function floorSeconds(ns: bigint): number {
  const seconds = ns / second;
  return Number(ns % second < 0n ? seconds - 1n : seconds);
}

/** Seconds with as many decimals as are needed. */
function paxTime(ns: bigint): string {
  const abs = ns < 0n ? -ns : ns;
  const fraction = (abs % second).toString().padStart(9, '0').replace(/0+$/, '');
  return `${ns < 0n ? '-' : ''}${abs / second}${fraction === '' ? '' : `.${fraction}`}`;
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString()).equals(bytes);
}

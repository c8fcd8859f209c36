import { quoted, tarInvalid, tarLimit } from './tar-error.ts';
import type { RawHeader } from './tar-header.ts';
import { endsInSlash, linkTarget, normalName } from './tar-name.ts';
import { decimal, decimalTime } from './tar-number.ts';
import type { PaxRecords } from './tar-pax.ts';
import { regionsOfList, regionsOfRecords } from './tar-sparse.ts';
import type { TarHeader, TarLimits, TarRegion } from './tar-types.ts';

/** What stands before an entry and speaks of it. */
export interface Extended {
  readonly pax?: PaxRecords;
  readonly longName?: Buffer;
  readonly longLink?: Buffer;
}

/** An entry with what its bytes are; `stored`: how many follow the header. */
export interface Interpreted {
  readonly header: TarHeader;
  readonly stored: number;
  /** GNU sparse 1.0: the map stands at the beginning of the stored bytes. */
  readonly mapAhead: boolean;
  /** Known regions of a sparse file, not yet checked. */
  readonly regions?: readonly TarRegion[];
}

type Meta = Pick<TarHeader, 'path' | 'mode' | 'uid' | 'gid' | 'mtimeNs' | 'xattrs'>;

/** Highest id: all ones means "leave it" to the kernel. */
const maxId = 0xffff_fffe;
const maxDevice = 0xffff_ffff;
const schily = 'SCHILY.xattr.';
const libarchive = 'LIBARCHIVE.xattr.';
/** GNU tar escapes `%` and `=` in these names, others do not. */
const escaped = /%(25|3[dD])/;
/** XATTR_SIZE_MAX. */
const maxXattr = 65_536;
/** Of one file. */
const maxXattrs = 512 * 1024;
const noXattrs: ReadonlyMap<string, Buffer> = new Map();
const maxSeconds = 1n << 62n;

/**
 * Lays the extended headers over a header: they win over it.
 *
 * @throws GantryError invalid, exhausted
 */
export function interpret(raw: RawHeader, extended: Extended, globals: ReadonlyMap<string, Buffer>, offset: number, limits: TarLimits): Interpreted {
  const own = extended.pax?.values;
  const record = (key: string): Buffer | undefined => {
    const value = own?.get(key) ?? globals.get(key);
    // An empty value takes a global one back.
    return value === undefined || value.length === 0 ? undefined : value;
  };
  const number = (key: string, otherwise: number): number => {
    const value = record(key);
    if (value === undefined) return otherwise;
    const parsed = decimal(value);
    if (parsed === undefined) throw tarInvalid(offset, `the record "${key}" of an extended header is no number`);
    return parsed;
  };
  const bounded = (key: string, otherwise: number, max: number): number => {
    const value = number(key, otherwise);
    if (value > max) throw tarInvalid(offset, `"${key}" is ${value}, which is too large`);
    return value;
  };
  if (own?.has('SCHILY.realsize') === true) throw tarInvalid(offset, 'sparse files in the form of star are not understood', 'tar-unsupported');

  // Readers do not agree on which of two names an entry has then; no writer writes both.
  if ((extended.longName !== undefined && own?.has('path') === true) || (extended.longLink !== undefined && own?.has('linkpath') === true)) {
    throw tarInvalid(offset, 'an entry is named by PAX and by GNU at once');
  }
  const name = record('GNU.sparse.name') ?? record('path') ?? extended.longName ?? raw.name;
  const isDir = raw.type === '5' || (isFileType(raw.type) && endsInSlash(name));
  const meta: Meta = {
    path: normalName(name, offset, limits),
    mode: raw.mode & 0o7777,
    uid: bounded('uid', raw.uid, maxId),
    gid: bounded('gid', raw.gid, maxId),
    mtimeNs: time(record('mtime'), raw.mtime, offset),
    xattrs: own === undefined ? noXattrs : xattrsOf(own, offset),
  };
  const size = number('size', raw.size);
  const link = record('linkpath') ?? extended.longLink ?? raw.link;
  const noData = (header: TarHeader): Interpreted => {
    if (size !== 0) throw tarInvalid(offset, `${quoted(name)} has content, though it is no regular file`);
    return { header, stored: 0, mapAhead: false };
  };

  if (isDir) return noData({ ...meta, type: 'dir' });
  if (meta.path.length === 0) throw tarInvalid(offset, `${quoted(name)} names the top of the archive, and is no directory`, 'tar-unsafe-name');
  if (isFileType(raw.type)) return file(meta, size, extended, record, number, offset, limits);
  switch (raw.type) {
    case '1': {
      // Older formats repeat the size of the file here, and no content follows.
      if (size !== 0 && extended.pax !== undefined) throw tarInvalid(offset, `the hard link ${quoted(name)} has content`);
      const target = normalName(link, offset, limits);
      if (target.length === 0) throw tarInvalid(offset, `the hard link ${quoted(name)} leads to the top of the archive`, 'tar-unsafe-name');
      return { header: { ...meta, type: 'hardlink', link: target }, stored: 0, mapAhead: false };
    }
    case '2':
      return noData({ ...meta, type: 'symlink', link: linkTarget(link, offset) });
    case '3':
    case '4': {
      const major = bounded('SCHILY.devmajor', raw.major, maxDevice);
      const minor = bounded('SCHILY.devminor', raw.minor, maxDevice);
      return noData({ ...meta, type: raw.type === '3' ? 'char' : 'block', major, minor });
    }
    case '6':
      return noData({ ...meta, type: 'fifo' });
    default:
      throw tarInvalid(offset, `an entry of the unknown type ${JSON.stringify(raw.type)}`, 'tar-unsupported');
  }
}

/** Regular, also contiguous files; `S` is GNU's old sparse format. */
function isFileType(type: string): boolean {
  return type === '0' || type === '\0' || type === '7' || type === 'S';
}

function file(meta: Meta, stored: number, extended: Extended, record: (key: string) => Buffer | undefined, number: (key: string, otherwise: number) => number, offset: number, limits: TarLimits): Interpreted {
  const major = record('GNU.sparse.major');
  const list = record('GNU.sparse.map');
  const pairs = extended.pax?.sparse ?? [];
  const plain = (size: number): TarHeader => ({ ...meta, type: 'file', size });
  if (major !== undefined) {
    const version = `${major.toString('latin1')}.${record('GNU.sparse.minor')?.toString('latin1') ?? ''}`;
    if (version !== '1.0' || list !== undefined || pairs.length > 0) throw tarInvalid(offset, `sparse files of version ${quoted(Buffer.from(version))} are not understood`, 'tar-unsupported');
    return { header: plain(number('GNU.sparse.realsize', 0)), stored, mapAhead: true };
  }
  if (list === undefined && pairs.length === 0) {
    if (record('GNU.sparse.size') !== undefined || record('GNU.sparse.realsize') !== undefined) throw tarInvalid(offset, 'a sparse file has no map');
    return { header: plain(stored), stored, mapAhead: false };
  }
  if (list !== undefined && pairs.length > 0) throw tarInvalid(offset, 'a sparse file has two maps');
  const regions = list === undefined ? regionsOfRecords(pairs, offset, limits) : regionsOfList(list, offset, limits);
  const count = record('GNU.sparse.numblocks');
  if (count !== undefined && decimal(count) !== regions.length) throw tarInvalid(offset, 'the map of a sparse file has another length than is said');
  return { header: plain(number('GNU.sparse.size', 0)), stored, mapAhead: false, regions };
}

function time(record: Buffer | undefined, seconds: number, offset: number): bigint {
  if (record === undefined) return BigInt(seconds) * 1_000_000_000n;
  const ns = decimalTime(record);
  if (ns === undefined || ns / 1_000_000_000n > maxSeconds || ns / 1_000_000_000n < -maxSeconds) throw tarInvalid(offset, 'the record "mtime" of an extended header is no time');
  return ns;
}

function xattrsOf(records: ReadonlyMap<string, Buffer>, offset: number): ReadonlyMap<string, Buffer> {
  let xattrs: Map<string, Buffer> | undefined;
  let total = 0;
  for (const [key, value] of records) {
    if (key.startsWith(schily) && escaped.test(key)) throw tarInvalid(offset, 'the name of an extended attribute may or may not be escaped', 'tar-unsupported');
    const found = key.startsWith(schily) ? ([key.slice(schily.length), value] as const) : key.startsWith(libarchive) ? decoded(key, value, offset) : undefined;
    if (found === undefined) continue;
    const [name, bytes] = found;
    if (name === '' || name.length > 255 || name.includes('\0')) throw tarInvalid(offset, `the name ${quoted(Buffer.from(name, 'latin1'))} of an extended attribute`);
    if (bytes.length > maxXattr) throw tarLimit(offset, `an extended attribute of ${bytes.length} bytes`);
    total += name.length + bytes.length;
    if (total > maxXattrs) throw tarLimit(offset, `more than ${maxXattrs} bytes of extended attributes`);
    const other = xattrs?.get(name);
    if (other?.equals(bytes) === false) throw tarInvalid(offset, `the extended attribute ${quoted(Buffer.from(name, 'latin1'))} has two values`);
    xattrs ??= new Map();
    xattrs.set(name, bytes);
  }
  return xattrs ?? noXattrs;
}

/** libarchive: the name with `%` escapes, the value in base64, without padding. */
function decoded(key: string, value: Buffer, offset: number): readonly [string, Buffer] {
  const text = value.toString('latin1');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw tarInvalid(offset, 'an extended attribute is no base64');
  const name = key.slice(libarchive.length).replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return [name, Buffer.from(text, 'base64')];
}

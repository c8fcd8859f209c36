import { quoted, tarInvalid, tarLimit } from './tar-error.ts';
import { decimal } from './tar-number.ts';

const space = 0x20;
const equals = 0x3d;
const newline = 0x0a;
/** Digits of a record's length: more would pass any limit on the header. */
const maxDigits = 10;
const maxRecords = 65_536;

/** Records of a global header that may speak for all entries; names and sizes belong to one. */
const globalKeys: ReadonlySet<string> = new Set(['uid', 'gid', 'mtime']);
const refusedGlobals = /^(path|linkpath|size|GNU\.sparse\.|SCHILY\.(xattr|dev|realsize)|LIBARCHIVE\.xattr)/;

/** What a header's extended headers say. Values are bytes; an empty one undoes a global record. */
export class PaxRecords {
  readonly values: Map<string, Buffer> = new Map<string, Buffer>();
  /** `GNU.sparse.offset` and `GNU.sparse.numbytes` in their order, since version 0.0 repeats them. */
  readonly sparse: Buffer[] = [];
}

/**
 * Reads "length keyword=value\n" after another; they have to fill the header exactly.
 *
 * @throws GantryError invalid `tar-malformed`, exhausted `tar-limit`
 */
export function parsePax(bytes: Buffer, offset: number): PaxRecords {
  const records = new PaxRecords();
  let count = 0;
  let expect: 'offset' | 'numbytes' = 'offset';
  for (let at = 0; at < bytes.length; ) {
    count += 1;
    if (count > maxRecords) throw tarLimit(offset, `more than ${maxRecords} records in one extended header`);
    const blank = bytes.indexOf(space, at);
    const length = blank === -1 || blank - at > maxDigits ? undefined : decimal(bytes.subarray(at, blank));
    if (length === undefined || at + length > bytes.length || bytes[at + length - 1] !== newline) throw malformed(offset);
    const sign = bytes.indexOf(equals, blank);
    if (sign === -1 || sign >= at + length - 1 || sign === blank + 1) throw malformed(offset);
    const key = bytes.toString('latin1', blank + 1, sign);
    const value = bytes.subarray(sign + 1, at + length - 1);
    if (key.includes('\0')) throw malformed(offset);
    at += length;
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') {
      if (key !== `GNU.sparse.${expect}`) throw tarInvalid(offset, 'the map of a sparse file is out of order');
      expect = expect === 'offset' ? 'numbytes' : 'offset';
      records.sparse.push(value);
    } else {
      records.values.set(key, value);
    }
  }
  if (expect === 'numbytes') throw tarInvalid(offset, 'the map of a sparse file is incomplete');
  return records;
}

function malformed(offset: number): Error {
  return tarInvalid(offset, 'an extended header holds a malformed record');
}

/** A long name of GNU's: ended by its first zero byte, behind which only zeros may be. */
export function longText(bytes: Buffer, offset: number): Buffer {
  const end = bytes.indexOf(0);
  if (end === -1) return bytes;
  for (let at = end; at < bytes.length; at += 1) {
    if (bytes[at] !== 0) throw tarInvalid(offset, 'a long name holds a zero byte');
  }
  return bytes.subarray(0, end);
}

/**
 * Lays a global header over those before it.
 *
 * @throws GantryError invalid `tar-malformed`: it says for all entries what can only be one's.
 */
export function mergeGlobals(globals: ReadonlyMap<string, Buffer>, records: PaxRecords, offset: number): ReadonlyMap<string, Buffer> {
  if (records.sparse.length > 0) throw tarInvalid(offset, 'a global header describes a sparse file');
  const merged = new Map(globals);
  for (const [key, value] of records.values) {
    if (refusedGlobals.test(key)) throw tarInvalid(offset, `a global header sets ${quoted(Buffer.from(key, 'latin1'))} for all entries`);
    if (globalKeys.has(key)) merged.set(key, value);
  }
  return merged;
}


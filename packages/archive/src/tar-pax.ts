import { tarInvalid, tarLimit } from './tar-error.ts';
import { decimal } from './tar-number.ts';

const space = 0x20;
const equals = 0x3d;
const newline = 0x0a;
/** Digits of a record's length: more would pass any limit on the header. */
const maxDigits = 10;
const maxRecords = 65_536;

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

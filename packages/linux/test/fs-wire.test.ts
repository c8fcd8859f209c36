import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FsWalkItem } from '../src/fs-types.ts';
import { normalPath } from '../src/fs-path.ts';
import { RecordReader } from '../src/fs-records.ts';
import { BatchEncoder } from '../src/fs-wire.ts';
import { encodeOp, type OpVector } from './fs-vectors.ts';

function load<T>(name: string): T[] {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as T[];
}

const ops = load<OpVector & { hex: string }>('./fs-wire.json');
const items = load<{ item: Record<string, unknown>; hex: string }>('./fs-entries.json');

/** An item of a walk as the vectors have it. */
function describeItem(item: FsWalkItem): Record<string, unknown> {
  switch (item.kind) {
    case 'hole':
      return { hole: item.bytes };
    case 'end':
      return { end: item.changed };
    case 'data':
      return { data: item.data.toString('hex') };
    case 'entry': {
      const { path, mtimeNs, ino, dev, xattrs, hardlink, ...rest } = item.entry;
      const text = (bytes: Buffer): string => bytes.toString('latin1');
      return {
        ...rest,
        path: text(path),
        mtimeNs: String(mtimeNs),
        ino: String(ino),
        dev: String(dev),
        xattrs: Object.fromEntries([...xattrs].map(([name, value]) => [name, Buffer.from(value).toString('hex')])),
        ...('link' in rest ? { link: text(rest.link) } : {}),
        ...(hardlink === undefined ? {} : { hardlink: text(hardlink) }),
      };
    }
  }
}

describe('batches on the wire', () => {
  it.each(ops)('writes $op of $path', ({ hex, ...op }) => {
    const encoder = new BatchEncoder();
    encodeOp(encoder, op);
    const payload = encoder.take(7);
    expect(payload.readUInt32BE(0)).toBe(7);
    expect(payload.subarray(4).toString('hex')).toBe(hex);
    expect(encoder.length).toBe(0);
  });

  it('collects many operations, and grows as it must', () => {
    const encoder = new BatchEncoder();
    let expected = '';
    for (let round = 0; round < 200; round += 1) {
      for (const { hex, ...op } of ops) {
        encodeOp(encoder, op);
        expected += hex;
      }
    }
    encoder.data(Buffer.alloc(300_000, 1));
    expected += `03000493e0${'01'.repeat(300_000)}`;
    expect(encoder.length).toBe(expected.length / 2);
    expect(encoder.take(1).subarray(4).toString('hex')).toBe(expected);
  });
});

describe('records on the wire', () => {
  it.each(items)('reads $item', ({ item, hex }) => {
    const reader = new RecordReader(Buffer.from(hex, 'hex'));
    expect(describeItem(reader.item())).toEqual(item);
    expect(reader.done).toBe(true);
  });

  it('reads one record after another, data and names among them', () => {
    const reader = new RecordReader(Buffer.from(`${items[0]!.hex}0200000003aabbcc${items[8]!.hex}`, 'hex'));
    expect([reader.item().kind, describeItem(reader.item()), reader.item().kind, reader.done]).toEqual(['entry', { data: 'aabbcc' }, 'hole', true]);
    expect(new RecordReader(Buffer.from('050a0002c3bc', 'hex')).name()).toEqual({ name: Buffer.from('ü'), type: 'symlink' });
  });

  it.each(items)('says that $item is malformed, wherever it is cut', ({ hex }) => {
    for (let end = 1; end < hex.length / 2; end += 1) {
      expect(() => new RecordReader(Buffer.from(hex, 'hex').subarray(0, end)).item(), `cut at ${end}`).toThrow(expect.objectContaining({ kind: 'internal', code: 'native-protocol' }));
    }
  });

  it.each(['09', '05', '01ff', '05ff0000'])('refuses %s', (hex) => {
    expect(() => new RecordReader(Buffer.from(hex, 'hex')).item()).toThrow(expect.objectContaining({ code: 'native-protocol' }));
  });
});

describe('paths in a tree', () => {
  it.each([
    ['', ''],
    ['/', ''],
    ['.', ''],
    ['a', 'a'],
    ['/a//b/./c/', 'a/b/c'],
    ['./...', '...'],
    ['a/..b', 'a/..b'],
    ['\u00fc', '\u00fc'],
  ])('takes %j for %j', (path, normal) => {
    expect(normalPath(path).toString()).toBe(normal);
    expect(normalPath(Buffer.from(path)).toString()).toBe(normal);
  });

  it('keeps bytes that are no UTF-8, and copies nothing that is normal', () => {
    const odd = Buffer.from([0x61, 0xff, 0x2f, 0xfe]);
    expect(normalPath(odd).buffer).toBe(odd.buffer);
    expect(normalPath(Buffer.concat([Buffer.from('/'), odd]))).toEqual(odd);
  });

  it.each(['..', '../a', 'a/..', 'a/../b', '/..', 'a\0b', 'x'.repeat(32 * 1024 + 1)])('refuses %j', (path) => {
    expect(() => normalPath(path)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'fs-path' }));
  });
});

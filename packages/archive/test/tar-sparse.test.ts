import { describe, expect, it } from 'vitest';
import { base256, block, file, gnu, octal, padded, pax, record, tar } from './support/handmade.ts';
import { failureOf, readAll, readOne, text } from './support/read-all.ts';

type Region = readonly [offset: number, bytes: number];

const size = 10_000;
const regions: readonly Region[] = [[100, 512], [4096, 5], [10_000, 0]];
const content = (() => {
  const bytes = Buffer.alloc(size);
  bytes.write('abc'.padEnd(512, '.'), 100);
  bytes.write('defgh', 4096);
  return bytes;
})();
const stored = `${'abc'.padEnd(512, '.')}defgh`;

/** GNU's old format: regions in the header from byte 386 on, more of them in blocks behind. */
function old(list: readonly Region[], real: number | Buffer, data: string, more: Record<number, Buffer | string> = {}): Buffer {
  const pair = ([offset, bytes]: Region): Buffer => Buffer.from(octal(offset, 12) + octal(bytes, 12), 'latin1');
  const rest: Buffer[] = [];
  for (let at = 4; at < list.length; at += 21) {
    const ext = Buffer.alloc(512);
    list.slice(at, at + 21).forEach((region, i) => pair(region).copy(ext, 24 * i));
    ext[504] = at + 21 < list.length ? 1 : 0;
    rest.push(ext);
  }
  const at = { 386: Buffer.concat(list.slice(0, 4).map(pair)), 482: Buffer.from([list.length > 4 ? 1 : 0]), 483: typeof real === 'number' ? octal(real, 12) : real, ...more };
  return Buffer.concat([block({ name: 'sparse', type: 'S', magic: gnu, size: octal(data.length, 12), at }), ...rest, padded(data)]);
}

function v00(list: readonly Region[], real: number, data: string, more: Record<string, string> = {}): Buffer {
  const pairs = list.flatMap(([offset, bytes]) => [record('GNU.sparse.offset', String(offset)), record('GNU.sparse.numbytes', String(bytes))]);
  const head = Object.entries({ 'GNU.sparse.size': String(real), 'GNU.sparse.numblocks': String(list.length), ...more }).map(([key, value]) => record(key, value));
  return Buffer.concat([pax(Buffer.concat([...head, ...pairs])), file('sparse', data)]);
}

function v01(list: readonly Region[], real: number, data: string, more: Record<string, string> = {}): Buffer {
  return Buffer.concat([pax({ 'GNU.sparse.size': String(real), 'GNU.sparse.numblocks': String(list.length), 'GNU.sparse.name': 'sparse', 'GNU.sparse.map': list.flat().join(','), ...more }), file('GNUSparseFile.1/x', data)]);
}

function v10(map: string, real: number, data: string, more: Record<string, string> = {}): Buffer {
  const body = Buffer.concat([padded(map), Buffer.from(data)]);
  return Buffer.concat([pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 'sparse', 'GNU.sparse.realsize': String(real), ...more }), file('GNUSparseFile.1/x', body)]);
}

const mapOf = (list: readonly Region[]): string => `${list.length}\n${list.flat().join('\n')}\n`;

describe('sparse files', () => {
  it.each([
    ['old GNU', old(regions, size, stored)],
    ['old GNU, with 256-based numbers', old(regions, base256(BigInt(size)), stored, { 386: Buffer.concat([base256(100n), base256(512n), base256(4096n), base256(5n), base256(10_000n), base256(0n)]) })],
    ['GNU 0.0', v00(regions, size, stored)],
    ['GNU 0.1', v01(regions, size, stored)],
    ['GNU 1.0', v10(mapOf(regions), size, stored)],
  ])('of %s are read', async (_name, bytes) => {
    expect(await readOne(tar(bytes))).toMatchObject({ type: 'file', path: Buffer.from('sparse'), size, sparse: [{ offset: 100, bytes: 512 }, { offset: 4096, bytes: 5 }], content });
    for (const chunk of [1, 100, 512, 777]) expect((await readAll(tar(bytes, file('next')), { chunk })).map(({ path, content: c }) => [text(path), c.equals(content)])).toEqual([['sparse', true], ['next', false]]);
  });

  it('may begin and end with data, be all hole, or be nothing', async () => {
    const shapes: [readonly Region[], number, string][] = [[[[0, 512], [600, 2]], 602, `${'a'.repeat(512)}bc`], [[[5, 0]], 5, ''], [[], 0, ''], [[[0, 3]], 3, 'abc']];
    for (const [list, real, data] of shapes) {
      for (const bytes of [old(list, real, data), v10(mapOf(list), real, data), ...(list.length === 0 ? [] : [v00(list, real, data), v01(list, real, data)])]) {
        const whole = await readOne(tar(bytes));
        expect([whole.content.length, whole.content.toString().replaceAll('\0', '')]).toEqual([real, data]);
      }
    }
  });

  it('may have many regions', async () => {
    const many = [...Array.from({ length: 5000 }, (_, i): Region => [i * 1024, 512]), [5_120_000, 0] as const];
    const data = 'x'.repeat(512 * 5000);
    for (const bytes of [old(many, 5_120_000, data), v00(many, 5_120_000, data), v01(many, 5_120_000, data), v10(mapOf(many), 5_120_000, data)]) {
      const whole = await readOne(tar(bytes));
      expect([whole.content.length, whole.content.filter((byte) => byte === 0x78).length]).toEqual([5_120_000, 512 * 5000]);
    }
  });

  it('are as many bytes as they are in the archive: the next entry is where it is', async () => {
    for (const bytes of [old(regions, size, stored), v00(regions, size, stored), v01(regions, size, stored), v10(mapOf(regions), size, stored)]) {
      expect((await readAll(tar(bytes, file('next', 'N')))).at(-1)).toMatchObject({ path: Buffer.from('next'), content: Buffer.from('N') });
    }
  });

  const short = 'abcdefgh';
  const wrong: [string, Buffer][] = [
    ['a region that is stored within a block', v10(mapOf([[0, 4], [10, 4], [100, 0]]), 100, short)],
    ['regions that overlap', v10(mapOf([[0, 5], [4, 3], [100, 0]]), 100, short)],
    ['regions out of order', v10(mapOf([[10, 4], [0, 4], [100, 0]]), 100, short)],
    ['a region beyond the end', v10(mapOf([[96, 8]]), 100, short)],
    ['a region that starts beyond the end', v10(mapOf([[101, 0], [101, 8]]), 100, short)],
    ['less content than regions', v10(mapOf([[0, 9], [100, 0]]), 100, short)],
    ['more content than regions', v10(mapOf([[0, 7], [100, 0]]), 100, short)],
    ['sums that would overflow', v10(mapOf([[0, 8], [9_007_199_254_740_991, 9_007_199_254_740_991]]), 100, short)],
    ['no region at the end', v10(mapOf([[0, 8]]), 100, short)],
    ['numbers that are none', v10('1\n0\nx\n', 100, short)],
    ['negative numbers', v10('1\n-1\n8\n', 100, short)],
    ['an empty number', v10('1\n\n8\n', 100, short)],
    ['numbers without an end', v10('1'.repeat(512), 100, short)],
    ['an incomplete map', v10('9\n0\n1\n', 100, '')],
    ['a map longer than the content', Buffer.concat([pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 's', 'GNU.sparse.realsize': '5' }), file('x', '1\n0\n')])],
    ['no map', Buffer.concat([pax({ 'GNU.sparse.size': '5' }), file('x', 'abc')])],
    ['two maps', v01(regions, size, stored, { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' })],
    ['another version', v10(mapOf(regions), size, stored, { 'GNU.sparse.minor': '1' })],
    ['a count that differs', v01(regions, size, stored, { 'GNU.sparse.numblocks': '4' })],
    ['an odd list', v01(regions, size, stored, { 'GNU.sparse.map': '1,2,3' })],
    ['pairs out of turn', Buffer.concat([pax(Buffer.concat([record('GNU.sparse.offset', '1'), record('GNU.sparse.offset', '1')])), file('x', '')])],
    ['half a pair', Buffer.concat([pax(Buffer.concat([record('GNU.sparse.offset', '1')])), file('x', '')])],
    ['gaps in the old list', old(regions, size, stored, { 386: Buffer.alloc(24) })],
    ['a negative size in the old header', old(regions, base256(-5n), stored)],
    ['the old and the new form at once', Buffer.concat([pax({ 'GNU.sparse.map': '0,3', 'GNU.sparse.size': '3' }), old([[0, 3]], 3, 'abc')])],
    ['the old type without GNU\'s magic', block({ name: 's', type: 'S' })],
  ];
  it.each(wrong)('with %s are refused', async (_what, bytes) => {
    expect(await failureOf(readAll(tar(bytes)))).toMatchObject({ kind: 'invalid' });
  });

  it('of ten million regions are refused before they are read', async () => {
    const before = process.memoryUsage().rss;
    expect(await failureOf(readAll(tar(v10('10000000\n', 1e9, ''))))).toMatchObject({ kind: 'exhausted', code: 'tar-limit' });
    expect(await failureOf(readAll(tar(v01(Array.from({ length: 100 }, (_, i): Region => [i, 1]), 100, 'x'.repeat(100))), { limits: { maxRegions: 99 } }))).toMatchObject({ code: 'tar-limit' });
    expect(await failureOf(readAll(tar(old(Array.from({ length: 100 }, (_, i): Region => [i, 1]), 100, 'x'.repeat(100))), { limits: { maxRegions: 99 } }))).toMatchObject({ code: 'tar-limit' });
    expect(await failureOf(readAll(tar(v00(Array.from({ length: 100 }, (_, i): Region => [i, 1]), 100, 'x'.repeat(100))), { limits: { maxRegions: 99 } }))).toMatchObject({ code: 'tar-limit' });
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  it('that would be enormous count as large as they would be', async () => {
    const bomb = v10(mapOf([[2 ** 50, 8]]), 2 ** 50 + 8, 'abcdefgh');
    expect(await failureOf(readAll(tar(bomb)))).toMatchObject({ kind: 'exhausted', code: 'tar-limit' });
  });
});

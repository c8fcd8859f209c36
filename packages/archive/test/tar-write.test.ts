import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeTar, type TarInput } from '../src/index.ts';
import { failureOf, readAll, readOne, text } from './support/read-all.ts';
import { pictureOf } from './support/trees.ts';
import { hasProgram } from './support/world.ts';

async function written(...entries: readonly TarInput[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(entries)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* bytes(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

describe('a written archive', () => {
  it('is plain ustar where that is enough, and ends in two zero blocks', async () => {
    const archive = await written({ type: 'file', path: 'a', data: Buffer.from('hello'), mode: 0o755, uid: 1, gid: 2, mtimeNs: 3_000_000_000n });
    expect(archive.length).toBe(512 * 4);
    expect(archive.toString('latin1', 0, 2)).toBe('a\0');
    expect(archive.toString('latin1', 100, 148).split('\0')).toEqual(['0000755', '0000001', '0000002', '00000000005', '00000000003', '']);
    expect(archive.toString('latin1', 148, 156)).toBe(`${archive.subarray(0, 512).reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0).toString(8).padStart(6, '0')}\0 `);
    expect(archive.toString('latin1', 156, 157)).toBe('0');
    expect(archive.toString('latin1', 257, 265)).toBe('ustar\x0000');
    expect(archive.subarray(1024).every((byte) => byte === 0)).toBe(true);
  });

  it('has the defaults that give equal bytes for equal input', async () => {
    expect(await readOne(await written({ type: 'file', path: 'f', data: Buffer.alloc(0) }))).toMatchObject({ mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n });
    expect(await readOne(await written({ type: 'dir', path: 'd' }))).toMatchObject({ type: 'dir', mode: 0o755 });
    expect(await readOne(await written({ type: 'symlink', path: 'l', link: 'x' }))).toMatchObject({ mode: 0o777 });
    const entry: TarInput = { type: 'file', path: 'p'.repeat(120), data: Buffer.from('x'), mtimeNs: 5n, xattrs: new Map([['user.b', Buffer.from('2')], ['user.a', Buffer.from('1')]]) };
    const other: TarInput = { ...entry, xattrs: new Map([['user.a', Buffer.from('1')], ['user.b', Buffer.from('2')]]) };
    expect((await written(entry)).equals(await written(other))).toBe(true);
  });

  it('takes content that comes in pieces, if it is as long as it was said', async () => {
    expect((await readOne(await written({ type: 'file', path: 'f', size: 7, data: bytes('abc', '', 'defg') }))).content.toString()).toBe('abcdefg');
    for (const size of [6, 8, 0]) expect(await failureOf(written({ type: 'file', path: 'f', size, data: bytes('abc', 'defg') }))).toMatchObject({ kind: 'invalid', code: 'tar-wrong-size' });
  });

  it.each(['', '..', 'a/../b', 'a\0b'])('refuses the name %j', async (path) => {
    expect(await failureOf(written({ type: 'file', path, data: Buffer.alloc(0) }))).toMatchObject({ kind: 'invalid', code: 'tar-unsafe-name' });
    if (path !== '') expect(await failureOf(written({ type: 'symlink', path: 'l', link: `${path}\0` }))).toMatchObject({ kind: 'invalid' });
  });

  it('cuts long names where ustar can hold them, and extends the others', async () => {
    const cases: [string, boolean][] = [
      ['n'.repeat(100), false],
      ['n'.repeat(101), true],
      [`${'p'.repeat(150)}/${'n'.repeat(100)}`, false],
      [`${'p'.repeat(155)}/${'n'.repeat(100)}`, false],
      [`${'p'.repeat(156)}/${'n'.repeat(99)}`, true],
      [`p/${'n'.repeat(101)}`, true],
      [`${'d/'.repeat(127)}n`, false],
      [`${'d/'.repeat(300)}n`, true],
    ];
    for (const [path, extended] of cases) {
      const archive = await written({ type: 'file', path, data: Buffer.alloc(0) });
      expect([path, archive.length > 512 * 3]).toEqual([path, extended]);
      expect(text((await readOne(archive)).path)).toBe(path);
      const folder = await written({ type: 'dir', path });
      expect(text((await readOne(folder)).path)).toBe(path);
    }
  });
});

const name = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map((a) => Buffer.from(a.map((b) => (b === 0 || b === 0x2f ? 0x61 : b)))),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).map((s) => Buffer.from(s.replace(/[\0/]/g, '_'))),
  fc.constantFrom('x', '...', ' ', 'a\nb', 'e='.repeat(20)).map((s) => Buffer.from(s)),
).filter((n) => n.length <= 255 && n.toString('latin1') !== '.' && n.toString('latin1') !== '..');
const path = fc.array(name, { minLength: 1, maxLength: 12 }).map((parts) => Buffer.from(parts.map((p) => p.toString('latin1')).join('/'), 'latin1'));
const id = fc.oneof(fc.nat(70_000), fc.constantFrom(0, 2_097_151, 2_097_152, 4_294_967_294));
const device = fc.oneof(fc.nat(4095), fc.constantFrom(2_097_151, 2_097_152, 4_294_967_295));
const xattrName = fc.oneof(fc.constantFrom('user.x', 'security.capability', 'user.a=b', 'user.50%', 'user. ', 'user.\u00fc'), fc.string({ minLength: 1, maxLength: 30 }).map((s) => `user.${Buffer.from(s.replaceAll('\0', '')).toString('latin1')}`));
const meta = {
  path,
  mode: fc.nat(0o7777),
  uid: id,
  gid: id,
  mtimeNs: fc.oneof(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), fc.constantFrom(0n, 1n, -1n, 1_000_000_000n, -1_000_000_000n, (8n ** 11n - 1n) * 1_000_000_000n, 8n ** 11n * 1_000_000_000n)),
  xattrs: fc.array(fc.tuple(xattrName, fc.uint8Array({ maxLength: 60 }).map((a) => Buffer.from(a))), { maxLength: 3 }).map((list) => new Map(list)),
};
const input: fc.Arbitrary<TarInput> = fc.oneof(
  fc.record({ ...meta, type: fc.constant('file' as const), data: fc.uint8Array({ maxLength: 1500 }).map((a) => Buffer.from(a)) }),
  fc.record({ ...meta, type: fc.constantFrom('dir' as const, 'fifo' as const) }),
  fc.record({ ...meta, type: fc.constant('symlink' as const), link: path }),
  fc.record({ ...meta, type: fc.constant('hardlink' as const), link: path }),
  fc.record({ ...meta, type: fc.constantFrom('char' as const, 'block' as const), major: device, minor: device }),
);

describe('what was written', () => {
  it('is read back as it was, in whatever pieces it comes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(input, { maxLength: 6 }), fc.integer({ min: 1, max: 3000 }), async (entries, chunk) => {
        const back = await readAll(await written(...entries), { chunk });
        expect(back.length).toBe(entries.length);
        for (const [i, entry] of entries.entries()) {
          const { offset, content, ...header } = back[i]!;
          const { data, ...rest } = 'data' in entry ? { ...entry, data: entry.data as Buffer } : { ...entry, data: Buffer.alloc(0) };
          expect(offset % 512).toBe(0);
          expect({ ...header, xattrs: [...header.xattrs].sort() }).toEqual({ ...rest, ...(entry.type === 'file' ? { size: data.length } : {}), xattrs: [...(entry.xattrs ?? [])].sort() });
          expect(content.equals(data)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each(['tar', 'bsdtar'].filter(hasProgram))('is understood by %s', async (program) => {
    const dir = mkdtempSync('/tmp/gantry-test-write-');
    try {
      const far = `${'directory/'.repeat(30)}file`;
      const archive = await written(
        { type: 'dir', path: 'd', mode: 0o2750, mtimeNs: 1_500_000_000_123_456_789n },
        { type: 'file', path: 'd/f', data: Buffer.from('hello'), mode: 0o4711, mtimeNs: 1_400_000_000_987_654_321n },
        { type: 'file', path: far, data: Buffer.from('far'), mtimeNs: 5_000_000_000n },
        { type: 'hardlink', path: 'linked', link: far },
        { type: 'symlink', path: 'l', link: `../${'x'.repeat(200)}`, mtimeNs: 7_000_000_000n },
        { type: 'fifo', path: 'p', mode: 0o600, mtimeNs: 8_000_000_000n },
      );
      writeFileSync(join(dir, 'a.tar'), archive);
      mkdirSync(join(dir, 'x'));
      execFileSync(program, ['-xpf', join(dir, 'a.tar'), '-C', join(dir, 'x')]);
      const seen = pictureOf(join(dir, 'x'), { owners: false }).filter((line) => !/^(directory|)( |\/directory)*( |\/)?dir /.test(line) && !line.startsWith(' dir'));
      const find = (start: string): string | undefined => seen.find((line) => line.startsWith(`${start} `));
      expect([find('d'), find('d/f'), find('linked'), find('l'), find('p')]).toEqual([
        'd dir 2750     1500000000123456789',
        'd/f file 4711 5 1  2cf24dba5fb0a30e 1400000000987654321',
        expect.stringContaining(`linked file 644 3 2 ${far}`),
        `l symlink  203 1  ../${'x'.repeat(200)} 7000000000`,
        'p fifo 600 0 1   8000000000',
      ]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

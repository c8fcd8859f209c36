import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGantryError } from '@gantry/errors';
import { base256, block, dir, entry, file, gnu, hardlink, long, octal, padded, pax, record, symlink, tar } from './support/handmade.ts';
import { mutated } from './support/mutations.ts';
import { pictureOf } from './support/trees.ts';
import { hasProgram, makeWorld, needsRoot, type World } from './support/world.ts';

const sparse = `${'a'.repeat(512)}bc`;
const old = (name: string, regions: readonly (readonly [number, number])[], real: number, data: string): Buffer =>
  Buffer.concat([block({ name, type: 'S', magic: gnu, size: octal(data.length, 12), at: { 386: regions.map(([o, n]) => octal(o, 12) + octal(n, 12)).join(''), 483: octal(real, 12) } }), padded(data)]);
const body = (size: number, data: string): Buffer => Buffer.concat([block({ name: 'sized', size: octal(size, 12) }), padded(data)]);

/** Odd archives, each in a way in which readers are known to differ. */
const corpus: Record<string, Buffer> = {
  'plain ustar': tar(dir('d/'), file('d/f', 'hello', { mtime: octal(1_500_000_000, 12) }), symlink('l', 'd/f'), hardlink('h', 'd/f')),
  'v7': tar(entry('d/', '\0', { magic: '\0\0\0\0\0\0\0\0' }), file('d/f', 'hello', { magic: '\0\0\0\0\0\0\0\0', type: '\0' })),
  'v7 with bytes in the prefix': tar(file('f', 'hello', { magic: '\0\0\0\0\0\0\0\0', prefix: 'prefix' })),
  'gnu with bytes in the prefix': tar(file('f', 'hello', { magic: gnu, prefix: octal(1_500_000_000, 12) })),
  'ustar with a prefix': tar(file('f', 'hello', { prefix: 'a/b' })),
  'ustar with a prefix that ends in a slash': tar(file('f', 'hello', { prefix: 'a/b/' })),
  'ustar with another version': tar(file('f', 'hello', { prefix: 'a/b', magic: 'ustar\0  ' })),
  'star': tar(file('f', 'hello', { prefix: 'a', at: { 476: '13234567012 13234567012 ', 508: 'tar\0' } })),
  'star with a long prefix': tar(file('f', 'hello', { prefix: 'a'.repeat(131), at: { 476: '13234567012 13234567012 ', 508: 'tar\0' } })),
  'a directory by its slash': tar(entry('d/', '0')),
  'a directory by its slash, with content': tar(entry('d/', '0', { size: octal(5, 12) }), padded('hello'), file('f')),
  'a directory by its slash in an extended header': tar(pax({ path: 'd/' }), entry('x', '0')),
  'a directory by its slash in a long name': tar(long('L', 'd/'), entry('x', '0')),
  'a file by its name, a directory by its type': tar(entry('d', '5')),
  'a directory with a size': tar(dir('d', { size: octal(512, 12) }), file('f', 'hello')),
  'a directory with a size and a block': tar(dir('d', { size: octal(5, 12) }), padded('hello'), file('f', 'hello')),
  'a symbolic link with a size': tar(symlink('l', 'x', { size: octal(5, 12) }), file('f', 'hello')),
  'a symbolic link with content': tar(symlink('l', 'x', { size: octal(5, 12) }), padded('hello'), file('f', 'hello')),
  'a hard link with the size of its file': tar(file('f', 'hello'), hardlink('h', 'f', { size: octal(5, 12) }), file('g', 'more')),
  'a hard link with content': tar(file('f', 'hello'), hardlink('h', 'f', { size: octal(5, 12) }), padded('other'), file('g', 'more')),
  'a hard link with content, extended': tar(file('f', 'hello'), pax({ comment: 'x' }), hardlink('h', 'f', { size: octal(5, 12) }), padded('other'), file('g', 'more')),
  'a FIFO with a size': tar(entry('p', '6', { size: octal(5, 12) }), file('f', 'hello')),
  'an extended size over a smaller one': tar(pax({ size: '5' }), body(0, 'hello'), file('f')),
  'an extended size over a larger one': tar(pax({ size: '5' }), body(600, 'hello'), file('f')),
  'an extended size of an extended header': tar(pax({ size: '600' }), pax({ path: 'x' }), file('f', 'hello')),
  'a size twice in one header': tar(pax(Buffer.concat([record('size', '0'), record('size', '5')])), body(0, 'hello'), file('f')),
  'a path twice in one header': tar(pax(Buffer.concat([record('path', 'one'), record('path', 'two')])), file('f')),
  'an empty extended path': tar(pax({ path: '' }), file('f', 'hello')),
  'two extended headers': tar(pax({ path: 'one' }), pax({ mtime: '5' }), file('f')),
  'an extended header before a long name': tar(pax({ path: 'pax' }), long('L', 'gnu'), file('f')),
  'a long name before an extended header': tar(long('L', 'gnu'), pax({ path: 'pax' }), file('f')),
  'a long name before an extended header without a path': tar(long('L', 'gnu'), pax({ mtime: '5' }), file('f')),
  'two long names': tar(long('L', 'one'), long('L', 'two'), file('f')),
  'a long name without a zero': tar(block({ name: 'L', type: 'L', magic: gnu, size: octal(3, 12) }), padded('abc'), file('f')),
  'a long name with two zeros': tar(block({ name: 'L', type: 'L', magic: gnu, size: octal(7, 12) }), padded('abc\0def'), file('f')),
  'a global header': tar(pax({ comment: 'x', mtime: '77' }, 'g'), file('f')),
  'a global path': tar(pax({ path: 'everywhere' }, 'g'), file('f'), file('g')),
  'a global size': tar(pax({ size: '5' }, 'g'), body(0, 'hello'), body(0, 'world')),
  'a record of another length': tar(pax(Buffer.from('10 path=abc\n')), file('f')),
  'a record with a space before it': tar(pax(Buffer.from(' 9 path=x\n')), file('f')),
  'a record with a zero in its value': tar(pax({ path: 'a\0b' }), file('f')),
  'a record without an end': tar(pax(Buffer.from('9 path=xy')), file('f')),
  'records and zeros': tar(pax(Buffer.concat([record('path', 'x'), Buffer.alloc(5)])), file('f')),
  'a size in 256-based digits': tar(file('f', 'hello', { size: base256(5n) })),
  'a negative size in 256-based digits': tar(file('f', 'hello', { size: base256(-5n) }), file('g')),
  'a time before the epoch': tar(file('f', 'hello', { mtime: base256(-1_000_000n) }), pax({ mtime: '-1.5' }), file('g', 'x')),
  'fractions of a second': tar(pax({ mtime: '1500000000.123456789123' }), file('f')),
  'numbers without an end': tar(file('f', 'hello', { size: '000000000005', mtime: '000000000005' })),
  'numbers with spaces before': tar(file('f', 'hello', { size: '          5 ', uid: '      0 ', mtime: '          5 ' })),
  'numbers with junk behind': tar(file('f', 'hello', { size: '5 junk' })),
  'numbers with digits behind a zero': tar(file('f', 'hello', { size: '5\x00007' })),
  'numbers with an eight in them': tar(file('f', 'hello', { size: '58\0' })),
  'numbers that are blank': tar(file('f', '', { uid: '        ', gid: '\0\0\0\0\0\0\0\0', mtime: '            ' })),
  'one zero block in the middle': Buffer.concat([file('f', 'hello'), Buffer.alloc(512), file('g', 'hidden'), Buffer.alloc(1024)]),
  'two zero blocks in the middle': Buffer.concat([file('f', 'hello'), Buffer.alloc(1024), file('g', 'hidden'), Buffer.alloc(1024)]),
  'no zero block at the end': file('f', 'hello'),
  'one zero block at the end': Buffer.concat([file('f', 'hello'), Buffer.alloc(512)]),
  'a cut in the content': tar(file('f', 'x'.repeat(2000))).subarray(0, 1024),
  'a cut in the padding': tar(file('f', 'hello')).subarray(0, 600),
  'a cut in the header': tar(file('f', 'hello')).subarray(0, 300),
  'the same file twice': tar(file('f', 'one'), file('f', 'two')),
  'a file in the place of a link': tar(symlink('f', 'nowhere'), file('f', 'two')),
  'a link in the place of a file': tar(file('f', 'one'), symlink('f', 'nowhere')),
  'a directory in the place of a file': tar(file('f', 'one'), dir('f'), file('f/in', 'x')),
  'a file in the place of an empty directory': tar(dir('f'), file('f', 'two')),
  'a file in the place of a full directory': tar(dir('f'), file('f/in', 'x'), file('f', 'two')),
  'a directory twice': tar(dir('d', { mode: octal(0o700) }), file('d/f', 'x'), dir('d', { mode: octal(0o755), mtime: octal(99, 12) })),
  'a link in the place of a directory, then something in it': tar(dir('d'), dir('e'), symlink('d', 'e'), file('d/f', 'x')),
  'something in a link that stays inside': tar(dir('e'), symlink('d', 'e'), file('d/f', 'x')),
  'something in a file': tar(file('d', 'x'), file('d/f', 'x')),
  'a hard link before its file': tar(hardlink('h', 'f'), file('f', 'x')),
  'a hard link to a link': tar(symlink('l', 'nowhere'), hardlink('h', 'l')),
  'a hard link to a directory': tar(dir('d'), hardlink('h', 'd')),
  'a hard link to itself': tar(file('f', 'x'), hardlink('f', 'f')),
  'a hard link to an absolute name': tar(file('f', 'x'), hardlink('h', '/f')),
  'a file whose links were made before it was replaced': tar(file('f', 'one'), hardlink('h', 'f'), file('f', 'two')),
  'absolute and dotted names': tar(file('/a', '1'), file('./b', '2'), file('.//c', '3'), file('d/./e', '4'), dir('./')),
  'names with a back slash and a drive': tar(file('C:\\x', '1'), file('C:/y', '2')),
  'names of every byte': tar(file(Buffer.from([1, 7, 10, 27, 127, 128, 255]), 'x')),
  'composed and decomposed names': tar(file('\u00fc', '1'), file(Buffer.from('u\u0308'), '2'), file(Buffer.from('\u00df'), '3'), file('SS', '4'), file('ss', '5')),
  'a name that goes up': tar(dir('d'), file('d/../up', 'x')),
  'an empty name': tar(block({ name: '' })),
  'devices': tar(entry('c', '3', { major: octal(1), minor: octal(3) }), entry('b', '4', { major: octal(0o1777), minor: octal(0o3777) })),
  'an unknown type': tar(entry('u', 'Q', { size: octal(5, 12) }), padded('hello'), file('f')),
  'a contiguous file': tar(file('f', 'hello', { type: '7' })),
  'a volume label': tar(entry('label', 'V', { magic: gnu }), file('f')),
  'old GNU sparse': tar(old('s', [[100, 512], [2000, 2], [3000, 0]], 3000, sparse)),
  'old GNU sparse without an end': tar(old('s', [[100, 3], [2000, 2]], 3000, 'abcde')),
  'old GNU sparse, one region behind another in a block': tar(old('s', [[0, 3], [2000, 2], [3000, 0]], 3000, 'abcde')),
  'old GNU sparse with overlapping regions': tar(old('s', [[100, 3], [101, 2]], 3000, 'abcde')),
  'old GNU sparse with less than it says': tar(old('s', [[100, 9]], 3000, 'abcde')),
  'GNU sparse 0.0': tar(pax(Buffer.concat([record('GNU.sparse.size', '3000'), record('GNU.sparse.numblocks', '3'), ...[100, 512, 2000, 2, 3000, 0].map((n, i) => record(i % 2 === 0 ? 'GNU.sparse.offset' : 'GNU.sparse.numbytes', String(n)))])), file('s', sparse)),
  'GNU sparse 0.1': tar(pax({ 'GNU.sparse.size': '3000', 'GNU.sparse.numblocks': '3', 'GNU.sparse.name': 's', 'GNU.sparse.map': '100,512,2000,2,3000,0' }), file('x', sparse)),
  'GNU sparse 1.0': tar(pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 's', 'GNU.sparse.realsize': '3000' }), file('x', Buffer.concat([padded('3\n100\n512\n2000\n2\n3000\n0\n'), Buffer.from(sparse)]))),
  'a checksum of signed bytes': tar(file('\u00fc', 'x', { checksum: octal(block({ name: '\u00fc', size: octal(1, 12) }).reduce((sum, b, i) => sum + (i >= 148 && i < 156 ? 32 : b > 127 ? b - 256 : b), 0), 7) })),
  'a wrong checksum in the middle': tar(file('f', 'x'), block({ name: 'g', checksum: '0000001' }), file('h', 'x')),
  'attributes twice': tar(pax(Buffer.concat([record('SCHILY.xattr.user.x', 'one'), record('SCHILY.xattr.user.x', 'two')])), file('f')),
};

/** Where libarchive is known to read something else than POSIX says and GNU tar reads; none of it leads to another place. */
const bsdtarDiffers: ReadonlySet<string> = new Set(['a global header', 'a time before the epoch', 'names with a back slash and a drive']);

/** What of a picture readers may differ in without harm: implied directories have the time of their making. */
function comparable(root: string): string[] {
  return pictureOf(root, { owners: false }).map((line) => (/ dir | dir$/.test(line) ? line.replace(/ \d+$/, '') : line));
}

describe.skipIf(needsRoot !== '')('what others read', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  /** `undefined`: we refuse it, or they do. */
  async function both(archive: Buffer, program: string): Promise<{ readonly mine: string[]; readonly theirs: string[] } | undefined> {
    const mine = world.folder();
    try {
      await world.apply(mine, 'apply', archive, { limits: { maxBytes: 10_000_000 } });
    } catch (error) {
      if (!isGantryError(error)) throw error;
      expect(['invalid', 'conflict', 'notFound', 'exhausted', 'forbidden', 'notImplemented']).toContain(error.kind);
      return undefined;
    }
    const theirs = world.folder();
    writeFileSync(`${theirs}.tar`, archive);
    const args = program === 'tar' ? ['--numeric-owner', '--xattrs', '--xattrs-include=*'] : ['--numeric-owner'];
    const { status } = spawnSync(program, [...args, '-xpf', `${theirs}.tar`, '-C', theirs], { stdio: 'ignore' });
    return status === 0 ? { mine: comparable(mine), theirs: comparable(theirs) } : undefined;
  }

  const programs = ['tar', 'bsdtar'].filter(hasProgram);
  it.each(Object.entries(corpus))('%s: the same, or an error', async (name, archive) => {
    for (const program of programs) {
      if (program === 'bsdtar' && bsdtarDiffers.has(name)) continue;
      const result = await both(archive, program);
      if (result !== undefined) expect([program, result.mine]).toEqual([program, result.theirs]);
    }
  });

  it.each(programs)('changed at random: the same as by %s, or an error', { timeout: 240_000 }, async (program) => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(mutated, async (archive) => {
        // Whiteouts are a matter of layers.
        fc.pre(!archive.includes('.wh.'));
        const result = await both(archive, program);
        if (result === undefined) return;
        compared += 1;
        const told = (lines: string[]): string[] => (program === 'bsdtar' ? lines.map((line) => line.replace(/ -?\d+$/, '')) : lines);
        expect(told(result.mine)).toEqual(told(result.theirs));
      }),
      // The same archives each time: what other programs make of new ones is not ours to be surprised by in CI.
      { numRuns: 150, seed: 20_260_101 },
    );
    expect(compared).toBeGreaterThan(10);
  });
});

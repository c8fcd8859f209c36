import { linkSync, lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isGantryError } from '@gantry/errors';
import { untar } from '../src/index.ts';
import { base256, block, dir, end, entry, file, gnu, hardlink, octal, padded, pax, record, symlink, tar } from './support/handmade.ts';
import { failureOf } from './support/read-all.ts';
import { canary, makeWorld, needsRoot, stream, type World } from './support/world.ts';

type Canary = ReturnType<typeof canary>;

/** Each attack is applied as a layer in both modes and extracted as an archive; it must not reach the canary, nor hang. */
interface Attack {
  /** What earlier incident it repeats. */
  readonly name: string;
  archive(outside: Canary, root: string): Buffer;
  /** What comes of it as a layer: all of it is refused, or it stays inside. */
  readonly as: 'refused' | 'inside';
  /** As an archive for a container's tree, where it may differ. */
  readonly untarred?: 'refused' | 'inside';
}

/** From the root of the tree, the way up to the canary. */
const up = (outside: Canary): string => `../../../../../../../..${outside.dir}`;

const attacks: readonly Attack[] = [
  { name: 'a symbolic link to an absolute directory, then a file through it (CVE-2014-6407)', as: 'refused', archive: (o) => tar(symlink('a', o.dir), file('a/file', 'pwned')) },
  { name: 'a symbolic link to a relative directory, then a file through it', as: 'refused', archive: (o) => tar(symlink('a', up(o)), file('a/file', 'pwned')) },
  { name: 'a symbolic link to a file, then that file (go-archive CVE-2026-17106)', as: 'inside', archive: (o) => tar(symlink('a', o.file), file('a', 'pwned')) },
  { name: 'a symbolic link in the middle of a path', as: 'refused', archive: (o) => tar(dir('d'), symlink('d/a', o.dir), file('d/a/file', 'pwned')) },
  { name: 'a chain of symbolic links', as: 'refused', archive: (o) => tar(symlink('one', 'two'), symlink('two', o.dir), file('one/file', 'pwned')) },
  { name: 'a symbolic link to the parent, then directories through it (tar-rs CVE-2021-38511)', as: 'refused', archive: () => tar(symlink('a', '..'), file('a/b/c', 'x')) },
  { name: 'a symbolic link to the tree itself, then through it and up', as: 'refused', archive: (o, root) => tar(symlink('a', root), file(`a/..${o.dir}/file`, 'pwned')) },
  { name: 'a directory, then a link of its name, then a file in it (node-tar CVE-2021-32803)', as: 'refused', archive: (o) => tar(dir('a'), symlink('a', o.dir), file('a/file', 'pwned')) },
  { name: 'a directory, then a link of its name in another case (CVE-2021-37701)', as: 'inside', archive: (o) => tar(dir('a'), symlink('A', o.dir), file('a/file', 'x')) },
  { name: 'composed and decomposed names that could be one directory (CVE-2021-37712, CVE-2026-23950)', as: 'inside', archive: (o) => tar(dir('\u00e9'), symlink('e\u0301', o.dir), file('\u00e9/file', 'x'), dir('stra\u00dfe'), symlink('strasse', o.dir), file('stra\u00dfe/file', 'x')) },
  { name: 'a link with a back slash in the place of a directory', as: 'inside', archive: (o) => tar(dir('a\\b'), symlink('a/b', o.dir), file('a\\b/file', 'x')) },
  { name: 'a directory through a link, to change its mode (CVE-2021-41089, containerd CVE-2021-32760)', as: 'inside', archive: (o) => tar(symlink('d', o.dir), dir('d', { mode: octal(0o777) })) },
  { name: 'a directory through a link with a slash, to change its mode (tar-rs CVE-2026-33056)', as: 'inside', archive: (o) => tar(symlink('d', o.dir), dir('d/', { mode: octal(0o777), uid: octal(666) })) },
  { name: 'a directory through a link with a dot, to change its owner', as: 'inside', archive: (o) => tar(symlink('d', o.dir), dir('d/.', { mode: octal(0o777), uid: octal(666) }), file('d/file', 'x')) },
  { name: 'an absolute name (node-tar CVE-2021-32804)', as: 'inside', archive: (o) => tar(file(o.file, 'pwned'), file(`///${o.file}`, 'pwned')) },
  { name: 'a name that goes up', as: 'refused', archive: (o) => tar(file(`${up(o)}/file`, 'pwned')) },
  { name: 'a name that goes up in the middle', as: 'refused', archive: (o) => tar(dir('d'), file(`d/../${up(o)}/file`, 'pwned')) },
  { name: 'a name with a drive (node-tar CVE-2021-37713)', as: 'inside', archive: (o) => tar(file('C:..\\..\\x', 'x'), file(`C:${o.file}`, 'x')) },
  { name: 'a name with a drive that goes up', as: 'refused', archive: (o) => tar(file(`C:/../${up(o)}/file`, 'pwned')) },
  { name: 'a hard link to what goes up (node-tar CVE-2026-23745, CVE-2026-26960)', as: 'refused', archive: (o) => tar(hardlink('h', `${up(o)}/file`), file('h', 'pwned')) },
  { name: 'a hard link to an absolute name (CVE-2026-24842, oras CVE-2026-50163)', as: 'inside', untarred: 'refused', archive: (o) => tar(hardlink('h', o.file), hardlink('i', 'h')) },
  { name: 'a hard link through a symbolic link', as: 'refused', untarred: 'refused', archive: (o) => tar(symlink('d', o.dir), hardlink('d/h', 'x'), file('d/h', 'pwned')) },
  { name: 'a hard link to a symbolic link, then a file of its name', as: 'inside', archive: (o) => tar(symlink('l', o.file), hardlink('h', 'l'), file('h', 'pwned'), file('l', 'pwned')) },
  { name: 'a hard link to a directory', as: 'refused', archive: () => tar(dir('d'), hardlink('h', 'd'), file('h/f', 'x')) },
  { name: 'a link to a directory whose name begins as the tree\'s (tar-fs CVE-2025-48387)', as: 'refused', archive: (_o, root) => tar(symlink('l', `${root}-evil`), file('l/file', 'pwned')) },
  { name: 'a whiteout of the tree\'s parent', as: 'refused', untarred: 'inside', archive: () => tar(file('.wh...')) },
  { name: 'a whiteout through a symbolic link', as: 'refused', untarred: 'refused', archive: (o) => tar(symlink('d', o.dir), file('d/.wh.file')) },
  { name: 'an opaque directory through a symbolic link', as: 'refused', untarred: 'refused', archive: (o) => tar(symlink('d', o.dir), file('d/.wh..wh..opq')) },
  { name: 'attributes through a symbolic link', as: 'inside', archive: (o) => tar(symlink('l', o.file), pax({ 'SCHILY.xattr.trusted.x': 'x' }), symlink('l', o.file)) },
  { name: 'two names for one entry (astral CVE-2025-62518)', as: 'refused', archive: () => tar(pax(Buffer.concat([record('path', 'good'), record('size', '0')])), pax({ path: '../evil' }), file('x', 'x')) },
  { name: 'a size that hides an archive in an archive (tar-rs CVE-2026-33055)', as: 'inside', archive: (o) => tar(pax({ size: '2048' }), block({ name: 'inner', size: octal(0, 12) }), file(o.file, 'pwned'), symlink('x', '/'), block({ name: 'y' })) },
  { name: 'a negative size (node-tar CVE-2026-59874)', as: 'refused', archive: () => tar(block({ name: 'f', size: base256(-512n) }), file('g', 'x')) },
  { name: 'a zero byte in an extended name (CVE-2026-59875)', as: 'refused', archive: (o) => tar(pax({ path: `${o.file}\0.txt` }), file('f', 'pwned')) },
  { name: 'an extended header of a gigabyte (Go CVE-2022-2879)', as: 'refused', archive: () => tar(block({ name: 'x', type: 'x', size: octal(1024 ** 3, 12) }), file('f')) },
  { name: 'a long name of a gigabyte', as: 'refused', archive: () => tar(block({ name: 'L', type: 'L', magic: gnu, size: octal(1024 ** 3, 12) }), file('f')) },
  { name: 'ten million regions (Go CVE-2025-58183)', as: 'refused', archive: () => tar(pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9000000000' }), file('s', padded('10000000\n'))) },
  { name: 'a hole of an exabyte (Go CVE-2026-32288)', as: 'refused', archive: () => tar(pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 's', 'GNU.sparse.realsize': String(2 ** 52) }), file('s', padded(`1\n${2 ** 52}\n0\n`))) },
  { name: 'a path of 100,000 directories (node-tar CVE-2024-28863)', as: 'refused', archive: () => tar(pax({ path: 'a/'.repeat(100_000) }), dir('x')) },
  { name: 'a name of 300 bytes', as: 'refused', archive: () => tar(pax({ path: 'a'.repeat(300) }), file('x')) },
  { name: 'owners that wrap around', as: 'refused', archive: () => tar(file('f', 'x', { uid: base256(1n << 32n, 8) })) },
  { name: 'a device of the host\'s disk', as: 'inside', archive: () => tar(entry('disk', '4', { major: octal(254), minor: octal(0), mode: octal(0o666) })) },
  { name: 'rubbish', as: 'refused', archive: () => Buffer.alloc(4096, '\u00ff') },
  { name: 'a compressed stream', as: 'refused', archive: () => Buffer.concat([Buffer.from('1f8b0800000000000003', 'hex'), Buffer.alloc(2000, 7)]) },
  { name: 'nothing but an end', as: 'inside', archive: () => end },
];

describe.skipIf(needsRoot !== '')('attacks on a tree', () => {
  let world: World;
  let outside: Canary;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    outside = canary(world.dir);
  });

  async function outcome(attempt: Promise<unknown>): Promise<'refused' | 'inside'> {
    try {
      await attempt;
      return 'inside';
    } catch (error) {
      if (!isGantryError(error)) throw error;
      expect(['invalid', 'exhausted', 'notFound', 'conflict', 'forbidden']).toContain(error.kind);
      return 'refused';
    }
  }

  for (const attack of attacks) {
    it(`are ${attack.as === 'refused' ? 'refused' : 'kept inside'}: ${attack.name}`, async () => {
      for (const mode of ['overlay', 'apply'] as const) {
        const root = world.folder();
        const result = await outcome(world.apply(root, mode, attack.archive(outside, root)));
        // A hard link to what the parent may have is no attack in an overlay, and fails where there is no parent.
        if (mode === 'overlay' || result !== attack.as) expect([mode, attack.name.startsWith('a hard link to an absolute') && mode === 'apply' ? attack.as : result]).toEqual([mode, attack.as]);
        expect(outside.unharmed()).toBe(true);
      }
      const root = world.folder();
      mkdirSync(join(root, 'to'));
      expect(await outcome(untar({ native: world.native.endpoint, root, path: 'to', tar: stream(attack.archive(outside, root)), maxBytes: 1e9, maxInodes: 1e6 }))).toBe(attack.untarred ?? attack.as);
      expect([outside.unharmed(), readdirSync(root)]).toEqual([true, ['to']]);
    });
  }

  it('do not use links that are there to leave the tree', async () => {
    const plant = (): string => {
      const root = world.folder();
      symlinkSync(outside.dir, join(root, 'dir'));
      symlinkSync(outside.file, join(root, 'link'));
      mkdirSync(join(root, 'real'));
      symlinkSync(outside.dir, join(root, 'real/inner'));
      return root;
    };
    const archive = tar(file('dir/file', 'mine'), dir('dir', { mode: octal(0o777) }), file('link', 'mine'), dir('real/inner', { mode: octal(0o700) }), file('real/inner/x', 'x'), hardlink('stolen', 'dir/file'));
    for (const mode of ['overlay', 'apply'] as const) {
      const root = plant();
      await world.apply(root, mode, archive);
      // They were replaced by what the layer says is there.
      expect([mode, readFileSync(join(root, 'dir/file'), 'utf8'), lstatSync(join(root, 'link')).isFile(), lstatSync(join(root, 'real/inner')).isDirectory(), outside.unharmed()]).toEqual([mode, 'mine', true, true, true]);
    }
    // A container's own links are followed, inside its tree; there is no such directory in it.
    const root = plant();
    expect(await failureOf(untar({ native: world.native.endpoint, root, path: '', tar: stream(tar(file('dir/file', 'x'))), maxBytes: 1e6, maxInodes: 100 }))).toMatchObject({ kind: 'conflict' });
    expect(outside.unharmed()).toBe(true);
  });

  it('do not reach another layer\'s files by hard links that are there', async () => {
    const other = world.folder();
    writeFileSync(join(other, 'shared'), 'other layer');
    const root = world.folder();
    linkSync(join(other, 'shared'), join(root, 'f'));
    await world.apply(root, 'apply', tar(file('f', 'new', { mode: octal(0o777), uid: octal(5) }), file('.wh.f')));
    expect([readFileSync(join(other, 'shared'), 'utf8'), lstatSync(join(other, 'shared')).uid, readFileSync(join(root, 'f'), 'utf8')]).toEqual(['other layer', 0, 'new']);
  });

  it('keep memory flat, whatever the archive says of itself', async () => {
    const many = Buffer.concat(Array.from({ length: 3000 }, (_, i) => Buffer.concat([pax({ 'SCHILY.xattr.user.x': Buffer.alloc(4000, i), path: `f${i}` }), file('x', '')])));
    const before = process.memoryUsage().rss;
    await world.apply(world.folder(), 'overlay', tar(many)).catch((error: unknown) => {
      // ext4 has no room for attributes of this length unless it was made with ea_inode.
      expect(error).toMatchObject({ kind: 'exhausted' });
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });
});

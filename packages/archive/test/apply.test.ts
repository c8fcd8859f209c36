import { chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dir, entry, file, hardlink, octal, padded, pax, symlink, tar } from './support/handmade.ts';
import { failureOf, text } from './support/read-all.ts';
import { exists, pictureOf } from './support/trees.ts';
import { makeWorld, needsRoot, run, stream, type World } from './support/world.ts';

const shuffles = [0, 1, 2, 3, 4, 5];

/** The same parts in another order, the same one for the same number. */
function shuffled<T>(parts: readonly T[], seed: number): T[] {
  return parts.map((part, i) => ({ part, key: createHash('md5').update(`${seed}:${i}`).digest('hex') })).sort((a, b) => (seed === 0 ? 0 : a.key < b.key ? -1 : 1)).map(({ part }) => part);
}

describe.skipIf(needsRoot !== '')('a layer', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  /** A parent's tree to apply to. */
  function parent(): string {
    const root = world.folder();
    for (const path of ['keep', 'gone', 'opaque/old', 'opaque/sub', 'deep/a/b', 'replaced/by']) mkdirSync(join(root, path), { recursive: true });
    for (const path of ['keep/file', 'gone/file', 'gone-file', 'opaque/old/file', 'opaque/file', 'opaque/sub/old', 'deep/a/b/old', 'replaced/by/file', 'target']) writeFileSync(join(root, path), `parent ${path}`);
    chmodSync(join(root, 'keep'), 0o710);
    symlinkSync('keep', join(root, 'link'));
    return root;
  }

  it('tells its digest, its length and its counts, wherever the bytes come from', async () => {
    const archive = tar(dir('d'), file('d/f', 'hello'), file('d/g', 'x'.repeat(100_000)), file('d/.wh.x'), file('d/.wh..wh..opq'), symlink('l', 'x'));
    const diffId = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
    const path = world.path('layer.tar');
    writeFileSync(path, archive);
    run('mkfifo', world.path('pipe'));
    const sources = [{ path }, archive];
    for (const source of sources) {
      expect(await world.apply(world.folder(), 'overlay', source)).toMatchObject({ diffId, bytes: archive.length, entries: 6, contentBytes: 100_005, whiteouts: 1, opaques: 1, opaqueRoot: false, implied: [], externalLinks: [], droppedXattrs: 0 });
    }
    const fromPipe = world.apply(world.folder(), 'overlay', { path: world.path('pipe') });
    run('sh', '-c', `cat '${path}' > '${world.path('pipe')}'`);
    expect(await fromPipe).toMatchObject({ diffId, bytes: archive.length });
  });

  it('counts the bytes behind its end, and nothing else of them', async () => {
    const archive = Buffer.concat([tar(file('f', 'x')), Buffer.from('rubbish')]);
    expect(await world.apply(world.folder(), 'overlay', archive)).toMatchObject({ bytes: archive.length, entries: 1, diffId: `sha256:${createHash('sha256').update(archive).digest('hex')}` });
  });

  it('becomes an overlay\'s directory: whiteouts as devices, opaque directories by their mark', async () => {
    const root = world.folder();
    const parts = [dir('opaque', { mode: octal(0o711) }), file('opaque/.wh..wh..opq'), file('opaque/new', 'new'), file('.wh.gone'), file('.wh.gone-file'), file('deep/a/.wh.b'), file('.wh..wh.plnk/1.2', 'aufs'), file('.wh..wh.aufs', 'aufs')];
    for (const seed of shuffles) {
      const each = join(root, String(seed));
      mkdirSync(each);
      const result = await world.apply(each, 'overlay', tar(...shuffled(parts, seed)));
      expect([result.whiteouts, result.opaques, result.implied.map(text)]).toEqual([3, 1, ['deep', 'deep/a']]);
      await using session = await world.open(each);
      for (const path of ['gone', 'gone-file', 'deep/a/b']) expect(await session.stat(path)).toMatchObject({ type: 'char', major: 0, minor: 0 });
      expect([await session.getxattr('opaque', 'trusted.overlay.opaque'), (await session.stat('opaque')).mode, readFileSync(join(each, 'opaque/new'), 'utf8')]).toEqual([Buffer.from('y'), 0o711, 'new']);
      expect(readdirSync(each).sort()).toEqual(['deep', 'gone', 'gone-file', 'opaque']);
    }
  });

  it('deletes what the parent left, in a tree that is a copy of it', async () => {
    const parts = [file('opaque/.wh..wh..opq'), file('opaque/new', 'new'), file('opaque/sub/new', 'new'), file('.wh.gone'), file('.wh.gone-file'), file('deep/a/.wh.b'), file('.wh.absent'), file('absent-dir/.wh.x'), dir('keep', { mode: octal(0o755) })];
    for (const seed of shuffles) {
      const root = parent();
      await world.apply(root, 'apply', tar(...shuffled(parts, seed)));
      const names = pictureOf(root, { times: false }).map((line) => line.split(' ')[0]);
      expect(names).toEqual(['', 'absent-dir', 'deep', 'deep/a', 'keep', 'keep/file', 'link', 'opaque', 'opaque/new', 'opaque/sub', 'opaque/sub/new', 'replaced', 'replaced/by', 'replaced/by/file', 'target']);
      expect(lstatSync(join(root, 'keep')).mode & 0o7777).toBe(0o755);
    }
  });

  it('hides what is below a name that it both deletes and makes anew', async () => {
    const parts = [file('.wh.gone'), dir('gone', { mode: octal(0o700) }), file('gone/new', 'new'), file('.wh.target'), file('target', 'mine')];
    for (const seed of shuffles) {
      const layer = world.folder();
      await world.apply(layer, 'overlay', tar(...shuffled(parts, seed)));
      await using session = await world.open(layer);
      expect([await session.getxattr('gone', 'trusted.overlay.opaque'), readdirSync(join(layer, 'gone')), readFileSync(join(layer, 'target'), 'utf8')]).toEqual([Buffer.from('y'), ['new'], 'mine']);
      const root = parent();
      await world.apply(root, 'apply', tar(...shuffled(parts, seed)));
      expect([readdirSync(join(root, 'gone')), lstatSync(join(root, 'gone')).mode & 0o7777, readFileSync(join(root, 'target'), 'utf8')]).toEqual([['new'], 0o700, 'mine']);
    }
  });

  it('gives the same tree by the kernel\'s overlay and by deletion', async () => {
    const layers: Buffer[][] = [
      [file('opaque/.wh..wh..opq'), dir('opaque/sub'), file('.wh.gone'), file('deep/x', 'x'), file('.wh.link'), dir('link'), file('link/in', 'in')],
      [file('replaced', 'file over directory'), dir('target'), file('target/in', 'directory over file'), file('keep/.wh.file'), symlink('gone-file', 'keep')],
      [dir('replaced'), file('replaced/.wh.by'), file('replaced/by', 'now a file'), file('deep/.wh..wh..opq'), file('deep/a/b/new', 'x'), file('deep/a/.wh..wh..opq')],
      [file('.wh.deep'), file('deep/a/only', 'x'), file('opaque/sub/.wh.old'), file('opaque/sub/.wh..wh..opq'), hardlink('opaque/sub/linked', 'deep/a/only')],
      [file('keep', 'leaf'), dir('keep', { mode: octal(0o705) }), file('keep/again', 'x'), file('gone', 'leaf'), file('.wh.gone'), dir('opaque'), file('opaque', 'leaf last')],
    ];
    for (const [i, parts] of layers.entries()) {
      const lower = parent();
      const applied = parent();
      const upper = world.folder();
      const result = await world.apply(upper, 'overlay', tar(...parts));
      // The driver gives implied directories what the parent's have.
      for (const path of result.implied) {
        const below = join(lower, text(path));
        if (exists(lower, text(path)) && lstatSync(below).isDirectory()) chmodSync(join(upper, text(path)), lstatSync(below).mode & 0o7777);
      }
      await world.apply(applied, 'apply', tar(...parts));
      const merged = world.folder();
      await world.native.overlay({ target: merged, lower: [upper, lower], readonly: true });
      try {
        const [byKernel, byDeletion] = [merged, applied].map((root) => pictureOf(root, { times: false, owners: false }).slice(1));
        expect([i, byKernel]).toEqual([i, byDeletion]);
      } finally {
        await world.native.umount(merged);
      }
    }
  });

  it('takes time in proportion to its length, with 200,000 opaque directories', { timeout: 120_000 }, async () => {
    const count = 4000;
    const nested = Array.from({ length: 500 }, (_, i) => Buffer.concat([pax({ path: `${'n/'.repeat(i + 1)}.wh..wh..opq` }), file('x')]));
    const wide = Array.from({ length: count }, (_, i) => file(`w/${i}/.wh..wh..opq`));
    const again = Array.from({ length: 200_000 - count }, () => file('w/.wh..wh..opq'));
    const archive = tar(Buffer.concat(nested.toReversed()), Buffer.concat(wide), Buffer.concat(again));
    const started = performance.now();
    expect(await world.apply(world.folder(), 'overlay', archive)).toMatchObject({ opaques: 200_500 });
    expect(await world.apply(world.folder(), 'apply', archive)).toMatchObject({ opaques: 200_500 });
    expect(performance.now() - started).toBeLessThan(60_000);
  });

  it('says which directories it implies, and forgets those that it names later', async () => {
    const root = world.folder();
    const result = await world.apply(root, 'overlay', tar(file('a/b/c/f', 'x'), file('z/f', 'x'), dir('a/b', { mode: octal(0o700) }), hardlink('h/h', 'a/b/c/f')));
    expect(result.implied.map(text)).toEqual(['a', 'a/b/c', 'h', 'z']);
    expect([lstatSync(join(root, 'a')).mode & 0o7777, lstatSync(join(root, 'a/b')).mode & 0o7777]).toEqual([0o755, 0o700]);
    // In a copy of the parent, directories that are there keep what they are.
    const copy = parent();
    await world.apply(copy, 'apply', tar(file('keep/new', 'x')));
    expect(lstatSync(join(copy, 'keep')).mode & 0o7777).toBe(0o710);
  });

  it('says which hard links lead out of it, and makes them where the parent is there', async () => {
    const parts = [hardlink('one', 'target'), hardlink('dir/two', 'one'), file('own', 'own'), hardlink('three', 'own'), hardlink('four', 'keep/file'), hardlink('five', 'target'), file('five', 'a file after all')];
    const root = world.folder();
    const result = await world.apply(root, 'overlay', tar(...parts));
    expect(result.externalLinks.map(({ path, target }) => [text(path), text(target)])).toEqual([['one', 'target'], ['dir/two', 'target'], ['four', 'keep/file']]);
    expect([readdirSync(root).sort(), readdirSync(join(root, 'dir'))]).toEqual([['dir', 'five', 'own', 'three'], []]);
    const copy = parent();
    const applied = await world.apply(copy, 'apply', tar(...parts));
    expect([applied.externalLinks, lstatSync(join(copy, 'target')).nlink, readFileSync(join(copy, 'dir/two'), 'utf8')]).toEqual([[], 3, 'parent target']);
    expect(await failureOf(world.apply(parent(), 'apply', tar(hardlink('x', 'not/there'))))).toMatchObject({ kind: 'notFound', details: { path: 'not/there' } });
  });

  it('lets the last entry of a name win, and links keep what they linked', async () => {
    const root = world.folder();
    await world.apply(root, 'overlay', tar(file('f', 'one'), hardlink('h', 'f'), file('f', 'two'), dir('d'), file('d/in', 'x'), file('d', 'now a file'), symlink('e', '/etc'), dir('e'), file('e/in', 'x'), file('p', 'x'), entry('p', '6'), dir('t', { mtime: octal(5, 12) }), file('t/x', 'x'), dir('t', { mode: octal(0o700), mtime: octal(7, 12) })));
    expect(pictureOf(root, { owners: false }).map((line) => line.split(' ').slice(0, 4).join(' '))).toEqual([expect.stringMatching(/^ dir/), 'd file 644 10', 'e dir 755 ', 'e/in file 644 1', 'f file 644 3', 'h file 644 3', 'p fifo 644 0', 't dir 700 ', 't/x file 644 1']);
    expect([readFileSync(join(root, 'f'), 'utf8'), readFileSync(join(root, 'h'), 'utf8'), lstatSync(join(root, 't')).mtimeMs]).toEqual(['two', 'one', 7000]);
  });

  it('gives directories their times last, the top its metadata, and keeps default ACLs from spreading', async () => {
    const root = world.folder();
    const acl = Buffer.from('0200000001000700ffffffff020007006300000004000700ffffffff10000500ffffffff20000000ffffffff', 'hex');
    await world.apply(root, 'overlay', tar(pax({ mtime: '1.5', 'SCHILY.xattr.system.posix_acl_default': acl, 'SCHILY.xattr.user.top': 'x' }), dir('./', { mode: octal(0o1750), uid: octal(9) }), dir('d', { mtime: octal(3, 12) }), file('d/f', 'x'), file('g', 'x')));
    await using session = await world.open(root);
    expect(await session.stat('')).toMatchObject({ mode: 0o1750, uid: 9, mtimeNs: 1_500_000_000n });
    expect(await session.stat('d')).toMatchObject({ mtimeNs: 3_000_000_000n });
    expect([await session.listxattr(''), await session.listxattr('d'), await session.listxattr('g')]).toEqual([['system.posix_acl_default', 'user.top'], [], []]);
  });

  it('has no word in what overlayfs marks', async () => {
    const root = world.folder();
    const marks = { 'SCHILY.xattr.trusted.overlay.opaque': 'y', 'SCHILY.xattr.trusted.overlay.redirect': '/etc', 'SCHILY.xattr.user.overlay.metacopy': '', 'SCHILY.xattr.user.fine': 'x' };
    expect(await world.apply(root, 'overlay', tar(pax(marks), dir('d'), pax(marks), file('f', '')))).toMatchObject({ droppedXattrs: 6 });
    await using session = await world.open(root);
    expect([await session.listxattr('d'), await session.listxattr('f')]).toEqual([['user.fine'], ['user.fine']]);
  });

  it('hides everything by an opaque top, and says so', async () => {
    expect(await world.apply(world.folder(), 'overlay', tar(file('.wh..wh..opq'), file('f', 'x')))).toMatchObject({ opaqueRoot: true });
    const root = parent();
    await world.apply(root, 'apply', tar(file('f', 'x'), file('.wh..wh..opq')));
    expect(readdirSync(root)).toEqual(['f']);
  });

  it.each([
    ['.wh.', 'tar-unsafe-name'],
    ['d/.wh..', 'tar-unsafe-name'],
    ['d/.wh...', 'tar-unsafe-name'],
    ['.wh.x/y', 'tar-unsafe-name'],
    ['d/.wh.x/y/z', 'tar-unsafe-name'],
  ])('does not take %s for a whiteout', async (name, code) => {
    const root = parent();
    const before = pictureOf(root);
    expect(await failureOf(world.apply(root, 'apply', tar(file(name))))).toMatchObject({ kind: 'invalid', code });
    expect(pictureOf(root)).toEqual(before);
  });

  it('skips the content of whiteouts', async () => {
    const root = world.folder();
    await world.apply(root, 'overlay', tar(file('.wh.a', 'x'.repeat(3000)), symlink('.wh.b', '/etc'), file('c', 'C')));
    expect([readdirSync(root).sort(), readFileSync(join(root, 'c'), 'utf8')]).toEqual([['a', 'b', 'c'], 'C']);
    expect(['a', 'b'].map((name) => lstatSync(join(root, name)).isCharacterDevice())).toEqual([true, true]);
  });

  it('ends where the archive is at fault, and says where', async () => {
    const root = world.folder();
    const error = await failureOf(world.apply(root, 'overlay', Buffer.concat([file('f', 'x'), Buffer.alloc(512, 'x'), Buffer.alloc(1024)])));
    expect(error).toMatchObject({ kind: 'invalid', code: 'tar-malformed', details: { offset: 1024 } });
    expect(await failureOf(world.apply(root, 'overlay', tar(file('g', 'x')).subarray(0, 700)))).toMatchObject({ code: 'tar-truncated' });
    expect(await failureOf(world.apply(root, 'overlay', { path: world.path('absent.tar') }))).toMatchObject({ kind: 'notFound', code: 'tar-source-missing' });
    expect(await failureOf(world.apply(root, 'overlay', { path: root }))).toMatchObject({ kind: 'invalid', code: 'tar-source-failed' });
    expect(await failureOf(world.apply(world.path('absent'), 'overlay', tar()))).toMatchObject({ kind: 'notFound' });
    expect(await failureOf(world.apply(root, 'overlay', tar(...Array.from({ length: 11 }, (_, i) => file(`f${i}`))), { limits: { maxEntries: 10 } }))).toMatchObject({ kind: 'exhausted', code: 'tar-limit' });
  });

  it('is durable when asked to be, and told about while it goes on', async () => {
    const heard: number[] = [];
    const archive = tar(...Array.from({ length: 40 }, (_, i) => file(`f${i}`, Buffer.alloc(500_000, i))));
    const result = await world.apply(world.folder(), 'overlay', archive, { sync: true, onProgress: (bytes) => heard.push(bytes) });
    expect([heard.at(-1), heard.every((n, i) => i === 0 || n >= heard[i - 1]!), result.bytes]).toEqual([archive.length, true, archive.length]);
  });

  it('maps its owners into the range of a container', async () => {
    const root = world.folder();
    const idmap = { uid: [{ container: 0, host: 100_000, size: 65_536 }], gid: [{ container: 0, host: 100_000, size: 65_536 }] };
    await world.apply(root, 'overlay', tar(file('implied/f', 'x', { uid: octal(33), gid: octal(44) })), { idmap });
    expect([lstatSync(join(root, 'implied/f')).uid, lstatSync(join(root, 'implied/f')).gid, lstatSync(join(root, 'implied')).uid]).toEqual([100_033, 100_044, 100_000]);
    expect(await failureOf(world.apply(root, 'overlay', tar(file('f', 'x', { uid: octal(65_536) })), { idmap }))).toMatchObject({ kind: 'invalid' });
  });

  it('may hold files that are none, of any size', async () => {
    const root = world.folder();
    const archive = tar(file('zero', ''), file('block', 'x'.repeat(512)), file('odd', 'x'.repeat(16_383)), file('inline', 'x'.repeat(16_384)), Buffer.concat([entry('split', '0', { size: octal(200_000, 12) }), padded('y'.repeat(200_000))]));
    for (const size of [1000, 65_536, 1_000_000]) {
      await world.apply(root, 'overlay', archive, { tar: stream(archive, size) });
      expect(readdirSync(root).sort().map((name) => lstatSync(join(root, name)).size)).toEqual([512, 16_384, 16_383, 200_000, 0]);
      expect(readFileSync(join(root, 'split'), 'utf8')).toBe('y'.repeat(200_000));
    }
  });
});

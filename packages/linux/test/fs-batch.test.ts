import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, makeFsWorld, needsRoot, type FsWorld } from './fs-support.ts';

const owner = { mode: 0o644, uid: 0, gid: 0 };
const dirMeta = { mode: 0o755, uid: 0, gid: 0 };

describe.skipIf(needsRoot !== '')('a batch', () => {
  let world: FsWorld;
  beforeAll(async () => {
    world = await makeFsWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('makes every kind of file with all its metadata', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    const batch = session.batch();
    const mtimeNs = -1_500_000_000_123_456_789n + 3_000_000_000_000_000_000n;
    const xattrs = new Map([['user.x', Buffer.from([0, 255, 10])], ['trusted.y', Buffer.from('y')]]);
    batch.mkdir('d', { mode: 0o3771, uid: 1, gid: 2, mtimeNs: 5n, xattrs });
    batch.file('f', { mode: 0o6755, uid: 3, gid: 4, mtimeNs, xattrs }, Buffer.from('hello'));
    batch.file('empty', { mode: 0o400, uid: 0, gid: 0, mtimeNs: 0n }, Buffer.alloc(0));
    batch.symlink('l', '../target', { mode: 0o777, uid: 5, gid: 6, mtimeNs, xattrs: new Map([['trusted.z', Buffer.from('z')]]) });
    batch.hardlink('h', 'f');
    batch.mknod('c', { type: 'char', major: 511, minor: 70_000 }, { mode: 0o620, uid: 7, gid: 8, mtimeNs });
    batch.mknod('b', { type: 'block', major: 8, minor: 1 }, { mode: 0o7660, uid: 0, gid: 6, mtimeNs });
    batch.mknod('p', { type: 'fifo' }, { mode: 0o604, uid: 0, gid: 0, mtimeNs });
    batch.utimes('d', mtimeNs);
    await batch.close();
    const expected = { f: { type: 'file', mode: 0o6755, uid: 3, gid: 4, mtimeNs, nlink: 2, size: 5 }, d: { type: 'dir', mode: 0o3771, uid: 1, gid: 2, mtimeNs }, empty: { mode: 0o400, size: 0, mtimeNs: 0n }, l: { type: 'symlink', link: Buffer.from('../target'), uid: 5, gid: 6, mtimeNs }, c: { type: 'char', major: 511, minor: 70_000, mode: 0o620, uid: 7, gid: 8, mtimeNs }, b: { type: 'block', major: 8, minor: 1, mode: 0o7660, gid: 6 }, p: { type: 'fifo', mode: 0o604, mtimeNs } };
    for (const [path, what] of Object.entries(expected)) expect([path, await session.stat(path)]).toMatchObject([path, what]);
    expect((await session.stat('h')).ino).toBe((await session.stat('f')).ino);
    expect(lstatSync(join(root, 'f'), { bigint: true }).atimeNs).toBe(mtimeNs);
    expect([await session.getxattr('f', 'user.x'), await session.getxattr('d', 'trusted.y'), await session.getxattr('l', 'trusted.z')]).toEqual([Buffer.from([0, 255, 10]), Buffer.from('y'), Buffer.from('z')]);
  });

  it('writes files in pieces, large ones too, with holes that take no space', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    const batch = session.batch();
    const big = Buffer.from(Array.from({ length: 5_000_000 }, (_, i) => i % 253));
    batch.fileBegin('big', owner);
    batch.data(big.subarray(0, 10));
    batch.data(big.subarray(10, 3_000_000));
    batch.data(big.subarray(3_000_000));
    batch.fileEnd();
    batch.fileBegin('sparse', { ...owner, mtimeNs: 9n });
    batch.hole(1_000_000_000);
    batch.data(Buffer.from('middle'));
    batch.hole(2_000_000_000);
    batch.fileEnd();
    batch.file('large', owner, big);
    expect(batch.queued).toBeGreaterThan(0);
    await batch.drain();
    await batch.close();
    expect(batch.queued).toBe(0);
    expect([readFileSync(join(root, 'big')).equals(big), readFileSync(join(root, 'large')).equals(big)]).toEqual([true, true]);
    const sparse = await session.stat('sparse');
    expect([sparse.size, sparse.mtimeNs, sparse.blocks < 100]).toEqual([3_000_000_006, 9n, true]);
    expect(String((await session.read('sparse', { offset: 1_000_000_000 })[Symbol.asyncIterator]().next()).value).slice(0, 7)).toBe('middle\0');
  });

  it('puts things in the place of others as it is told', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    mkdirSync(join(root, 'full/sub'), { recursive: true });
    writeFileSync(join(root, 'full/sub/file'), '');
    symlinkSync('/etc', join(root, 'link'));
    writeFileSync(join(root, 'plain'), 'old');
    const batch = session.batch();
    batch.file('full', owner, Buffer.from('file over directory'));
    batch.mkdir('link', dirMeta);
    batch.file('link/in', owner, Buffer.from('x'));
    batch.mkdir('plain', dirMeta);
    batch.symlink('link/in', 'elsewhere', { ...owner, mode: 0o777 });
    batch.mknod('plain', { type: 'fifo' }, owner);
    await batch.close();
    expect([readFileSync(join(root, 'full'), 'utf8'), readlinkSync(join(root, 'link/in')), lstatSync(join(root, 'plain')).isFIFO()]).toEqual(['file over directory', 'elsewhere', true]);
    expect(existsSync('/etc/in')).toBe(false);

    mkdirSync(join(root, 'dir/sub'), { recursive: true });
    const refused: [(b: ReturnType<typeof session.batch>) => void, string][] = [
      [(b) => b.file('dir', owner, Buffer.from('x'), { existing: 'same-kind' }), 'EISDIR'],
      [(b) => b.mkdir('full', dirMeta, { existing: 'same-kind' }), 'ENOTDIR'],
      [(b) => b.symlink('dir', 'x', owner, { existing: 'same-kind' }), 'EISDIR'],
      [(b) => b.file('full', owner, Buffer.from('x'), { existing: 'fail' }), 'EEXIST'],
      [(b) => b.mkdir('dir', dirMeta, { existing: 'fail' }), 'EEXIST'],
    ];
    for (const [make, errno] of refused) {
      const one = session.batch();
      make(one);
      expect(await failureOf(one.close())).toMatchObject({ kind: 'conflict', details: { errno } });
    }
    expect([readFileSync(join(root, 'full'), 'utf8'), readdirSync(join(root, 'dir'))]).toEqual(['file over directory', ['sub']]);
  });

  it('keeps or changes a directory that is there', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    const batch = session.batch();
    batch.mkdir('d', { mode: 0o700, uid: 1, gid: 1, xattrs: new Map([['user.old', Buffer.from('1')], ['trusted.overlay.opaque', Buffer.from('y')]]) });
    batch.file('d/f', owner, Buffer.from('stays'));
    batch.mkdir('d', { mode: 0o755, uid: 0, gid: 0 }, { keep: true });
    await batch.barrier();
    expect(await session.stat('d')).toMatchObject({ mode: 0o700, uid: 1 });
    batch.mkdir('d', { mode: 0o711, uid: 2, gid: 2, xattrs: new Map([['user.new', Buffer.from('2')]]) });
    await batch.barrier();
    expect([await session.stat('d'), await session.listxattr('d')]).toMatchObject([{ mode: 0o711, uid: 2 }, ['trusted.overlay.opaque', 'user.new', 'user.old']]);
    batch.mkdir('d', { mode: 0o711, uid: 2, gid: 2, xattrs: new Map([['user.new', Buffer.from('3')]]) }, { clearXattrs: true });
    await batch.close();
    // The kernel's own marks are not the client's to lose.
    expect([await session.listxattr('d'), readFileSync(join(root, 'd/f'), 'utf8')]).toEqual([['trusted.overlay.opaque', 'user.new'], 'stays']);
  });

  it('marks what overlayfs hides', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    const batch = session.batch();
    batch.mkdir('d', dirMeta);
    batch.opaque('d');
    batch.file('gone', owner, Buffer.from('x'));
    batch.whiteout('gone');
    await batch.close();
    expect([await session.stat('gone'), await session.getxattr('d', 'trusted.overlay.opaque')]).toMatchObject([{ type: 'char', major: 0, minor: 0, mode: 0 }, Buffer.from('y')]);
  });

  it('changes and removes what is there, never through a link', async () => {
    const root = world.folder();
    mkdirSync(join(root, 'a/b/c'), { recursive: true });
    writeFileSync(join(root, 'a/b/c/f'), '');
    for (const name of ['x', 'y', 'z']) writeFileSync(join(root, 'a', name), '');
    writeFileSync(join(root, 'target'), '');
    symlinkSync('target', join(root, 'l'));
    await using session = await world.open(root);
    const batch = session.batch();
    batch.chown('l', 9, 9);
    batch.utimes('l', 7n);
    batch.chown('target', 8, 8);
    batch.chmod('target', 0o6711);
    batch.clear('a', [Buffer.from('y'), Buffer.from('absent')]);
    batch.remove('absent/below');
    batch.remove('nothing');
    batch.clear('nothing', []);
    batch.rename('target', 'moved');
    await batch.close();
    expect(readdirSync(join(root, 'a'))).toEqual(['y']);
    expect([await session.stat('l'), await session.stat('moved')]).toMatchObject([{ uid: 9, mtimeNs: 7n }, { uid: 8, mode: 0o6711 }]);
    const through = session.batch();
    symlinkSync('moved', join(root, 'm'));
    through.chmod('m', 0o777);
    expect(await failureOf(through.close())).toMatchObject({ kind: 'invalid', details: { errno: 'ELOOP' } });
    expect((await session.stat('moved')).mode).toBe(0o6711);
  });

  it('spares any number of names', async () => {
    const root = world.folder();
    const names = Array.from({ length: 3000 }, (_, i) => `name-that-is-not-short-at-all-${i}`);
    for (const name of [...names, 'other']) writeFileSync(join(root, name), '');
    await using session = await world.open(root);
    const batch = session.batch();
    batch.clear('', names.map((name) => Buffer.from(name)));
    await batch.close();
    expect(readdirSync(root).sort()).toEqual(names.toSorted());
  });

  it('stops at the first error, tells it at the barrier, and starts anew', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    const batch = session.batch();
    batch.file('one', owner, Buffer.from('1'));
    batch.file('absent/two', owner, Buffer.from('2'));
    batch.file('three', owner, Buffer.from('3'));
    expect(await failureOf(batch.barrier())).toMatchObject({ kind: 'notFound', code: 'fs-not-found', details: { errno: 'ENOENT', step: 'create', path: 'absent/two', index: 1 } });
    expect(readdirSync(root)).toEqual(['one']);
    batch.file('four', owner, Buffer.from('4'));
    await batch.close();
    expect(readdirSync(root).sort()).toEqual(['four', 'one']);
  });

  it('tells a writer that does not wait for the end', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    const batch = session.batch();
    batch.file('absent/x', owner, Buffer.from('x'));
    batch.data(Buffer.alloc(200_000));
    const error = await failureOf(
      (async () => {
        for (let i = 0; i < 1000; i += 1) {
          batch.file(`f${i}`, owner, Buffer.alloc(100_000));
          await batch.drain();
          await new Promise(setImmediate);
        }
      })(),
    );
    expect(error).toMatchObject({ kind: 'notFound' });
    expect(await failureOf(batch.close())).toMatchObject({ kind: 'notFound' });
    expect(readdirSync(root)).toEqual([]);
  });

  it('keeps batches apart, also within a file', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    const a = session.batch();
    const b = session.batch();
    const piece = (c: string): Buffer => Buffer.alloc(50_000, c);
    a.fileBegin('a', owner);
    a.data(piece('a'));
    b.fileBegin('b', owner);
    b.data(piece('b'));
    a.data(piece('a'));
    await session.writeFile('w', Buffer.from('w'), owner);
    b.data(piece('b'));
    a.data(piece('a'));
    a.fileEnd();
    b.remove('absent');
    expect(await failureOf(b.close())).toMatchObject({ kind: 'invalid' });
    await a.close();
    expect([readFileSync(join(root, 'a'), 'utf8'), readFileSync(join(root, 'w'), 'utf8')]).toEqual(['a'.repeat(150_000), 'w']);
  });

  it('is misused with an error, never in silence', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    const wrong: ((b: ReturnType<typeof session.batch>) => void)[] = [
      (b) => b.data(Buffer.from('x')),
      (b) => b.hole(1),
      (b) => b.fileEnd(),
      (b) => b.fileBegin('f', owner),
      (b) => b.file('', owner, Buffer.from('x')),
      (b) => b.chown('absent', 0, 0),
      (b) => b.hardlink('x', 'absent'),
      (b) => b.chown('', 4294967295, 0),
    ];
    for (const make of wrong) {
      const batch = session.batch();
      make(batch);
      expect(await failureOf(batch.close())).toMatchObject({ kind: expect.stringMatching(/invalid|notFound|conflict/) as string });
    }
    const batch = session.batch();
    expect(() => batch.file('../x', owner, Buffer.from('x'))).toThrow(expect.objectContaining({ code: 'fs-path' }));
    expect(() => batch.mkdir('d', { mode: 70_000, uid: 0, gid: 0 })).toThrow(expect.objectContaining({ kind: 'invalid', code: 'fs-value' }));
    expect(() => batch.chown('d', -1, 0)).toThrow(expect.objectContaining({ code: 'fs-value' }));
    await batch.close();
  });

  it('leaves no temporary name behind when an atomic file fails', async () => {
    const root = world.folder();
    mkdirSync(join(root, 'd'));
    await using session = await world.open(root);
    const batch = session.batch();
    batch.file('d', owner, Buffer.from('x'), { atomic: true });
    expect(await failureOf(batch.close())).toMatchObject({ kind: 'conflict' });
    expect(readdirSync(root)).toEqual(['d']);
  });

  it('gives the mode that was asked for, whatever the parent hands down', async () => {
    const root = world.folder();
    execFileSync('chmod', ['2777', root]);
    await using session = await world.open(root);
    // A default ACL: user::rwx user:99:rwx group::rwx mask::r-x other::---
    const acl = Buffer.from('0200000001000700ffffffff020007006300000004000700ffffffff10000500ffffffff20000000ffffffff', 'hex');
    await session.setxattr('', 'system.posix_acl_default', acl);
    const batch = session.batch();
    batch.mkdir('d', { mode: 0o705, uid: 0, gid: 0 });
    batch.file('f', { mode: 0o606, uid: 0, gid: 0 }, Buffer.from('x'));
    batch.mknod('p', { type: 'fifo' }, { mode: 0o646, uid: 0, gid: 0 });
    await batch.close();
    const modes = await Promise.all(['d', 'f', 'p'].map(async (path) => [(await session.stat(path)).mode, (await session.stat(path)).gid]));
    expect(modes).toEqual([[0o705, 0], [0o606, 0], [0o646, 0]]);
  });
});

import { chmodSync, chownSync, existsSync, linkSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, failureOf, makeFsWorld, needsRoot, type FsWorld } from './fs-support.ts';

const owner = { mode: 0o644, uid: 0, gid: 0 };

describe.skipIf(needsRoot !== '')('a session in a tree', () => {
  let world: FsWorld;
  beforeAll(async () => {
    world = await makeFsWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('tells of every kind of file', async () => {
    const root = world.folder();
    writeFileSync(join(root, 'file'), 'hello', { mode: 0o600 });
    chownSync(join(root, 'file'), 1234, 4321);
    chmodSync(join(root, 'file'), 0o4751);
    utimesSync(join(root, 'file'), 1_500_000_000, 1_500_000_000.25);
    symlinkSync('/etc/passwd', join(root, 'link'));
    mkdirSync(join(root, 'dir'), { mode: 0o750 });
    execFileSync('mknod', [join(root, 'null'), 'c', '1', '3']);
    execFileSync('mknod', [join(root, 'disk'), 'b', '259', '70000']);
    execFileSync('mkfifo', [join(root, 'fifo')]);
    await using session = await world.open(root);
    const st = lstatSync(join(root, 'file'), { bigint: true });
    expect(await session.stat('file')).toMatchObject({ type: 'file', mode: 0o4751, uid: 1234, gid: 4321, size: 5, mtimeNs: 1_500_000_000_250_000_000n, nlink: 1, ino: st.ino, dev: st.dev, blocks: Number(st.blocks) });
    expect(await session.stat('/link')).toMatchObject({ type: 'symlink', link: Buffer.from('/etc/passwd'), size: 11 });
    expect(await session.stat('dir')).toMatchObject({ type: 'dir', mode: 0o750 });
    expect(await session.stat('')).toMatchObject({ type: 'dir' });
    expect(await session.stat('null')).toMatchObject({ type: 'char', major: 1, minor: 3 });
    expect(await session.stat('disk')).toMatchObject({ type: 'block', major: 259, minor: 70000 });
    expect(await session.stat('fifo')).toMatchObject({ type: 'fifo' });
    expect((await session.list('')).map(({ name, type }) => [name.toString(), type])).toEqual([['dir', 'dir'], ['disk', 'block'], ['fifo', 'fifo'], ['file', 'file'], ['link', 'symlink'], ['null', 'char']]);
  });

  it('follows links inside the root only when told to', async () => {
    const root = world.folder();
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/passwd'), 'inside');
    symlinkSync('/etc/passwd', join(root, 'absolute'));
    symlinkSync('../../../../etc/passwd', join(root, 'upwards'));
    symlinkSync('/etc', join(root, 'dir'));
    symlinkSync('loop', join(root, 'loop'));
    await using session = await world.open(root);
    for (const path of ['absolute', 'upwards', 'dir/passwd']) {
      expect(String(await session.readFile(path, { max: 100, follow: true }))).toBe('inside');
      expect(await failureOf(session.readFile(path, { max: 100 }))).toMatchObject({ kind: 'invalid', code: 'fs-invalid', details: { errno: 'ELOOP', step: 'open', path } });
    }
    expect(await session.stat('absolute', { follow: true })).toMatchObject({ type: 'file', size: 6 });
    expect(await failureOf(session.stat('loop', { follow: true }))).toMatchObject({ details: { errno: 'ELOOP' } });
    expect((await session.list('dir', { follow: true })).length).toBe(1);
  });

  it('reads files of any length, from any place, and refuses what is none', async () => {
    const root = world.folder();
    const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7) % 251));
    writeFileSync(join(root, 'big'), content);
    writeFileSync(join(root, 'empty'), '');
    execFileSync('mkfifo', [join(root, 'fifo')]);
    execFileSync('mknod', [join(root, 'zero'), 'c', '1', '5']);
    await using session = await world.open(root);
    expect(Buffer.concat(await collect(session.read('big'))).equals(content)).toBe(true);
    expect(Buffer.concat(await collect(session.read('big', { offset: 2_999_000 }))).equals(content.subarray(2_999_000))).toBe(true);
    expect(await collect(session.read('empty'))).toEqual([]);
    expect((await session.readFile('big', { max: 3_000_000 })).equals(content)).toBe(true);
    expect(await failureOf(session.readFile('big', { max: 2_999_999 }))).toMatchObject({ kind: 'exhausted', code: 'fs-file-too-long' });
    expect(await failureOf(session.readFile('fifo', { max: 10 }))).toMatchObject({ kind: 'invalid' });
    // Device nodes mean nothing in the tree.
    expect(await failureOf(session.readFile('zero', { max: 10 }))).toMatchObject({ kind: 'forbidden' });
    expect(await failureOf(session.readFile('', { max: 10 }))).toMatchObject({ kind: 'conflict', details: { errno: 'EISDIR' } });
    expect(await failureOf(session.readFile('absent', { max: 10 }))).toMatchObject({ kind: 'notFound', code: 'fs-not-found' });
  });

  it('writes a file whole or not at all', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    await session.writeFile('f', Buffer.from('one'), { mode: 0o640, uid: 7, gid: 8, sync: true });
    expect([readFileSync(join(root, 'f'), 'utf8'), lstatSync(join(root, 'f')).mode & 0o7777, lstatSync(join(root, 'f')).uid]).toEqual(['one', 0o640, 7]);
    linkSync(join(root, 'f'), join(root, 'old'));
    await session.writeFile('f', Buffer.alloc(2_000_000, 'x'), owner);
    expect([lstatSync(join(root, 'f')).size, readFileSync(join(root, 'old'), 'utf8')]).toEqual([2_000_000, 'one']);
    // A link that has the name is replaced, and not followed.
    symlinkSync('old', join(root, 'l'));
    await session.writeFile('l', Buffer.from('new'), owner);
    expect([lstatSync(join(root, 'l')).isFile(), readFileSync(join(root, 'old'), 'utf8')]).toEqual([true, 'one']);
    expect(await failureOf(session.writeFile('absent/f', Buffer.from('x'), owner))).toMatchObject({ kind: 'notFound' });
    mkdirSync(join(root, 'dir'));
    expect(await failureOf(session.writeFile('dir', Buffer.from('x'), owner))).toMatchObject({ kind: 'conflict' });
    expect(readdirSync(root).sort()).toEqual(['dir', 'f', 'l', 'old']);
  });

  it('makes directories and links', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    await session.mkdir('a', { mode: 0o2775, uid: 3, gid: 4 });
    expect(lstatSync(join(root, 'a')).mode & 0o7777).toBe(0o2775);
    // A set-group-id parent hands its bit and group down, unless told what to be.
    await session.mkdir('a/b', { mode: 0o700, uid: 5, gid: 6 });
    expect([lstatSync(join(root, 'a/b')).mode & 0o7777, lstatSync(join(root, 'a/b')).gid]).toEqual([0o700, 6]);
    await session.mkdir('a/b/c/d', { mode: 0o755, uid: 0, gid: 0, parents: true });
    await session.mkdir('a/b/c/d', { mode: 0o711, uid: 9, gid: 9, parents: true });
    expect([lstatSync(join(root, 'a/b/c/d')).mode & 0o7777, lstatSync(join(root, 'a/b')).mode & 0o7777]).toEqual([0o755, 0o700]);
    expect(await failureOf(session.mkdir('a', owner))).toMatchObject({ kind: 'conflict', details: { errno: 'EEXIST' } });
    await session.symlink('a/l', '../../../x', { uid: 11, gid: 12 });
    expect([readlinkSync(join(root, 'a/l')), lstatSync(join(root, 'a/l')).uid]).toEqual(['../../../x', 11]);
    expect(await failureOf(session.mkdir('a/l/x', { ...owner, parents: true }))).toMatchObject({ kind: 'conflict' });
    expect(await failureOf(session.mkdir('a/l/x', owner))).toMatchObject({ kind: 'invalid', details: { errno: 'ELOOP' } });
  });

  it('renames, also in exchange and only where nothing is', async () => {
    const root = world.folder();
    writeFileSync(join(root, 'a'), 'A');
    writeFileSync(join(root, 'b'), 'B');
    await using session = await world.open(root);
    expect(await failureOf(session.rename('a', 'b', { how: 'noreplace' }))).toMatchObject({ kind: 'conflict' });
    await session.rename('a', 'b', { how: 'exchange' });
    expect([readFileSync(join(root, 'a'), 'utf8'), readFileSync(join(root, 'b'), 'utf8')]).toEqual(['B', 'A']);
    await session.rename('a', 'b');
    expect([existsSync(join(root, 'a')), readFileSync(join(root, 'b'), 'utf8')]).toEqual([false, 'B']);
    expect(await failureOf(session.rename('absent', 'x'))).toMatchObject({ kind: 'notFound' });
  });

  it('keeps attributes as bytes, on files, directories and links', async () => {
    const root = world.folder();
    writeFileSync(join(root, 'f'), '');
    mkdirSync(join(root, 'd'));
    symlinkSync('nowhere', join(root, 'l'));
    await using session = await world.open(root);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await session.setxattr('f', 'user.\u00fc', bytes);
    await session.setxattr('d', 'trusted.overlay.opaque', Buffer.from('y'));
    await session.setxattr('l', 'trusted.x', Buffer.from([0]));
    await session.setxattr('', 'user.root', Buffer.alloc(0));
    expect(await session.getxattr('f', 'user.\u00fc')).toEqual(bytes);
    expect(await session.getxattr('d', 'trusted.overlay.opaque')).toEqual(Buffer.from('y'));
    expect(await session.getxattr('l', 'trusted.x')).toEqual(Buffer.from([0]));
    expect(await session.getxattr('', 'user.root')).toEqual(Buffer.alloc(0));
    expect(await session.getxattr('f', 'user.absent')).toBe(null);
    expect([await session.listxattr('f'), await session.listxattr('l'), await session.listxattr('d')]).toEqual([['user.\u00fc'], ['trusted.x'], ['trusted.overlay.opaque']]);
    expect(await failureOf(session.setxattr('f', 'user.big', Buffer.alloc(70_000)))).toMatchObject({ kind: 'invalid' });
  });

  it('makes files, directories and trees durable', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    await session.writeFile('f', Buffer.from('x'), owner);
    await session.sync('f', 'file');
    await session.sync('', 'dir');
    await session.sync('', 'tree');
    expect(await failureOf(session.sync('absent', 'file'))).toMatchObject({ kind: 'notFound' });
  });

  it('counts what a tree takes on disk, a linked file once', async () => {
    const root = world.folder();
    mkdirSync(join(root, 'd'));
    writeFileSync(join(root, 'd/f'), Buffer.alloc(100_000, 1));
    linkSync(join(root, 'd/f'), join(root, 'd/g'));
    truncateSync(join(root, 'd/f'), 10_000_000);
    symlinkSync('x', join(root, 'l'));
    await using session = await world.open(root);
    const du = execFileSync('du', ['--block-size=1', '-s', root], { encoding: 'utf8' }).split('\t')[0];
    expect(await session.usage('')).toEqual({ bytes: Number(du), inodes: 4 });
    expect((await session.usage('d/f')).inodes).toBe(1);
    expect(await session.statfs('')).toMatchObject({ nameMax: 255, blockSize: 4096 });
  });

  it('answers many calls at once, in their order, while a stream is read', async () => {
    const root = world.folder();
    for (let i = 0; i < 3000; i += 1) writeFileSync(join(root, `f${i}`), String(i));
    await using session = await world.open(root);
    let seen = 0;
    for await (const entry of session.walk('')) {
      if (entry.type !== 'file') continue;
      seen += 1;
      if (seen % 500 === 0) expect(String(await session.readFile(entry.path, { max: 100 }))).toBe(entry.path.toString().slice(1));
    }
    expect(seen).toBe(3000);
    const all = await Promise.all(Array.from({ length: 200 }, (_, i) => session.readFile(`f${i}`, { max: 10 })));
    expect(all.map(String)).toEqual(Array.from({ length: 200 }, (_, i) => String(i)));
  });

  it('is free for others when a stream is left early', async () => {
    const root = world.folder();
    writeFileSync(join(root, 'big'), Buffer.alloc(20_000_000));
    await using session = await world.open(root);
    // More than the native side holds open at once.
    for (let i = 0; i < 100; i += 1) {
      for await (const chunk of session.read('big')) {
        expect(chunk.byteLength).toBeGreaterThan(0);
        break;
      }
    }
    expect(await session.stat('big')).toMatchObject({ size: 20_000_000 });
  });

  it('lists no more names than asked for', async () => {
    const root = world.folder();
    for (let i = 0; i < 20; i += 1) writeFileSync(join(root, String(i)), '');
    await using session = await world.open(root);
    expect((await session.list('', { max: 20 })).length).toBe(20);
    expect(await failureOf(session.list('', { max: 19 }))).toMatchObject({ kind: 'exhausted', code: 'fs-exhausted' });
  });

  it('names files by bytes', async () => {
    const root = world.folder();
    const name = Buffer.from([0x66, 0xff, 0x80, 0x0a]);
    await using session = await world.open(root);
    await session.writeFile(name, Buffer.from('x'), owner);
    expect(readdirSync(root, { encoding: 'buffer' })).toEqual([name]);
    expect(await session.list('')).toEqual([{ name, type: 'file' }]);
    expect((await collect(session.walk(''))).map(({ path }) => path)).toEqual([Buffer.alloc(0), name]);
    await session.remove(name);
    expect(readdirSync(root)).toEqual([]);
  });

  it('maps owners both ways, and says when there is no range', async () => {
    const root = world.folder();
    const idmap = { uid: [{ container: 0, host: 100_000, size: 1000 }], gid: [{ container: 0, host: 200_000, size: 1000 }] };
    await using session = await world.open(root, { idmap });
    await session.writeFile('f', Buffer.from('x'), { mode: 0o644, uid: 5, gid: 6 });
    expect([lstatSync(join(root, 'f')).uid, lstatSync(join(root, 'f')).gid]).toEqual([100_005, 200_006]);
    expect(await session.stat('f')).toMatchObject({ uid: 5, gid: 6 });
    writeFileSync(join(root, 'alien'), '');
    expect(await session.stat('alien')).toMatchObject({ uid: 65534, gid: 65534 });
    expect(await failureOf(session.writeFile('g', Buffer.from('x'), { mode: 0o644, uid: 1000, gid: 0 }))).toMatchObject({ kind: 'invalid', details: { errno: 'EOVERFLOW' } });
    expect(readdirSync(root).sort()).toEqual(['alien', 'f']);
  });

  it('refuses every change in a read-only tree', async () => {
    const root = world.folder();
    writeFileSync(join(root, 'f'), 'x');
    await using session = await world.open(root, { readonly: true });
    expect(String(await session.readFile('f', { max: 10 }))).toBe('x');
    const calls = [session.writeFile('f', Buffer.from('y'), owner), session.mkdir('d', owner), session.remove('f'), session.rename('f', 'g'), session.setxattr('f', 'user.x', Buffer.from('y')), session.symlink('l', 'x', { uid: 0, gid: 0 })];
    for (const call of calls) expect(await failureOf(call)).toMatchObject({ kind: 'forbidden', details: { errno: 'EROFS' } });
  });

  it('says what is wrong with the tree that is asked for', async () => {
    const root = world.folder();
    writeFileSync(join(root, 'f'), '');
    symlinkSync(root, join(root, 'link'));
    expect(await failureOf(world.open(join(root, 'absent')))).toMatchObject({ kind: 'notFound' });
    expect(await failureOf(world.open(join(root, 'f')))).toMatchObject({ kind: 'conflict', details: { errno: 'ENOTDIR' } });
    expect(await failureOf(world.open(join(root, 'link')))).toMatchObject({ kind: 'invalid', details: { errno: 'ELOOP' } });
    expect(await failureOf(world.open('relative'))).toMatchObject({ kind: 'invalid' });
    expect(await failureOf(world.open(root, { signal: AbortSignal.abort() }))).toMatchObject({ kind: 'aborted' });
  });

  it('shows other directories as mounts inside the tree', async () => {
    const root = world.folder();
    const volume = world.folder();
    mkdirSync(join(root, 'data/ro'), { recursive: true });
    symlinkSync('/data', join(root, 'link'));
    writeFileSync(join(volume, 'v'), 'volume');
    await using session = await world.open(root, { mounts: [{ source: volume, target: '/link' }] });
    expect(String(await session.readFile('data/v', { max: 10 }))).toBe('volume');
    await session.writeFile('data/w', Buffer.from('w'), owner);
    expect([readFileSync(join(volume, 'w'), 'utf8'), readdirSync(join(root, 'data'))]).toEqual(['w', ['ro']]);
    await using readonly = await world.open(root, { mounts: [{ source: volume, target: 'data', readonly: true }] });
    expect(await failureOf(readonly.writeFile('data/w', Buffer.from('w'), owner))).toMatchObject({ kind: 'forbidden' });
    await readonly.writeFile('x', Buffer.from('x'), owner);
    expect(await failureOf(world.open(root, { mounts: [{ source: volume, target: 'absent' }] }))).toMatchObject({ kind: 'notFound' });
    expect(await failureOf(world.open(root, { mounts: [{ source: join(root, 'link'), target: 'data' }] }))).toMatchObject({ kind: 'invalid' });
  });
});

import { lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untar, type UntarOptions } from '../src/index.ts';
import { dir, file, hardlink, octal, pax, symlink, tar } from './support/handmade.ts';
import { failureOf } from './support/read-all.ts';
import { makeWorld, needsRoot, stream, type World } from './support/world.ts';

describe.skipIf(needsRoot !== '')('an archive for a container', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  const extract = (root: string, archive: Buffer, o: Partial<UntarOptions> = {}): Promise<void> => untar({ native: world.native.endpoint, root, path: '', tar: stream(archive), maxBytes: 1e6, maxInodes: 1000, ...o });

  /** A container's root, where /var/run leads to /run. */
  function container(): string {
    const root = world.folder();
    mkdirSync(join(root, 'run/app'), { recursive: true });
    mkdirSync(join(root, 'var'));
    mkdirSync(join(root, 'etc'), { mode: 0o751 });
    symlinkSync('/run', join(root, 'var/run'));
    writeFileSync(join(root, 'etc/file'), 'old');
    return root;
  }

  it('is extracted below the path, through the container\'s own links', async () => {
    const root = container();
    const archive = tar(dir('./', { mode: octal(0o700) }), file('app/conf', 'x', { mtime: octal(9, 12) }), dir('app', { mode: octal(0o710), mtime: octal(7, 12) }), hardlink('app/linked', 'app/conf'), symlink('link', 'app'));
    await extract(root, archive, { path: '/var/run/' });
    expect([readdirSync(join(root, 'run')).sort(), readdirSync(join(root, 'run/app')).sort(), readdirSync(join(root, 'var'))]).toEqual([['app', 'link'], ['conf', 'linked'], ['run']]);
    // The directory that was asked for stays what it is; those in the archive become what they are there.
    expect([lstatSync(join(root, 'run')).mode & 0o7777, lstatSync(join(root, 'run/app')).mode & 0o7777, lstatSync(join(root, 'run/app')).mtimeMs, lstatSync(join(root, 'run/app/linked')).nlink]).toEqual([0o755, 0o710, 7000, 2]);
    await extract(root, tar(file('var/run/deep/er/f', 'x'), dir('var/run/deep', { mtime: octal(5, 12) })));
    expect([readFileSync(join(root, 'run/deep/er/f'), 'utf8'), lstatSync(join(root, 'run/deep')).mtimeMs, lstatSync(join(root, 'var/run')).isSymbolicLink()]).toEqual(['x', 5000, true]);
  });

  it('means nothing by names like whiteouts', async () => {
    const root = container();
    await extract(root, tar(file('etc/.wh.file', 'x'), file('etc/.wh..wh..opq', 'y')));
    expect([readdirSync(join(root, 'etc')).sort(), readFileSync(join(root, 'etc/file'), 'utf8')]).toEqual([['.wh..wh..opq', '.wh.file', 'file'], 'old']);
  });

  it('belongs to whom it is given', async () => {
    const root = container();
    await extract(root, tar(file('new/f', 'x', { uid: octal(5), gid: octal(6) }), symlink('new/l', 'x')), { chown: { uid: 33, gid: 44 } });
    expect(['new', 'new/f', 'new/l'].map((path) => [lstatSync(join(root, path)).uid, lstatSync(join(root, path)).gid])).toEqual([[33, 44], [33, 44], [33, 44]]);
  });

  it('replaces what is there, or keeps kinds apart when told to', async () => {
    const root = container();
    await extract(root, tar(file('run', 'a file now'), dir('etc/file'), file('etc/file/in', 'x')));
    expect([readFileSync(join(root, 'run'), 'utf8'), readdirSync(join(root, 'etc/file')), lstatSync(join(root, 'etc')).mode & 0o7777]).toEqual(['a file now', ['in'], 0o751]);
    const other = container();
    expect(await failureOf(extract(other, tar(file('run', 'x')), { keepTypes: true }))).toMatchObject({ kind: 'conflict', details: { errno: 'EISDIR' } });
    expect(await failureOf(extract(other, tar(dir('etc/file')), { keepTypes: true }))).toMatchObject({ kind: 'conflict', details: { errno: 'ENOTDIR' } });
    await extract(other, tar(file('etc/file', 'new'), dir('run')), { keepTypes: true });
    expect(readFileSync(join(other, 'etc/file'), 'utf8')).toBe('new');
    expect(await failureOf(extract(other, tar(file('etc/file/below', 'x'))))).toMatchObject({ kind: 'conflict' });
    expect(readFileSync(join(other, 'etc/file'), 'utf8')).toBe('new');
  });

  it('keeps attributes of directories that it does not speak of', async () => {
    const root = container();
    await using session = await world.open(root);
    await session.setxattr('etc', 'user.mine', Buffer.from('1'));
    await extract(root, tar(pax({ 'SCHILY.xattr.user.new': '2' }), dir('etc')));
    expect(await session.listxattr('etc')).toEqual(['user.mine', 'user.new']);
  });

  it('is limited in bytes and in inodes', async () => {
    const root = container();
    expect(await failureOf(extract(root, tar(file('f', 'x'.repeat(2000))), { maxBytes: 1999 }))).toMatchObject({ kind: 'exhausted', code: 'tar-limit' });
    expect(await failureOf(extract(root, tar(file('a'), file('b'), file('c')), { maxInodes: 2 }))).toMatchObject({ kind: 'exhausted', code: 'tar-limit' });
  });

  it('needs a directory to go to', async () => {
    const root = container();
    expect(await failureOf(extract(root, tar(file('f', 'x')), { path: 'absent' }))).toMatchObject({ kind: 'notFound' });
    expect(await failureOf(extract(root, tar(file('f', 'x')), { path: 'etc/file' }))).toMatchObject({ kind: 'conflict' });
    expect(await failureOf(extract(root, tar(file('f', 'x')), { path: '../etc' }))).toMatchObject({ kind: 'invalid' });
  });
});

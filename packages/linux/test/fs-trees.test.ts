import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync, openSync, writeSync, closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FsSession } from '../src/index.ts';
import { collect, failureOf, makeFsWorld, needsRoot, type FsWorld } from './fs-support.ts';

const owner = { mode: 0o644, uid: 0, gid: 0 };
const dirOwner = { mode: 0o755, uid: 0, gid: 0 };

/** Why a file system with shared contents cannot be made here. */
const noReflink = !existsSync('/usr/sbin/mkfs.xfs') && !existsSync('/sbin/mkfs.xfs') ? '(needs mkfs.xfs)' : /\bxfs$/m.test(readFileSync('/proc/filesystems', 'utf8')) ? '' : '(needs xfs in the kernel)';

/** A directory so deep that its path is longer than the kernel takes. */
async function makeDeep(session: FsSession, levels: number, name: string): Promise<string> {
  const path = Array.from({ length: levels }, () => name).join('/');
  await session.mkdir(path, { ...dirOwner, parents: true });
  return path;
}

/** What a walk tells, as text that can be compared; inode numbers and devices differ between copies. */
async function picture(session: FsSession, path: string): Promise<string[]> {
  const all: string[] = [];
  for await (const e of session.walk(path, { xattrs: true })) {
    const kind = e.type === 'symlink' ? e.link.toString('latin1') : e.type === 'char' || e.type === 'block' ? `${e.major}:${e.minor}` : '';
    const xattrs = [...e.xattrs].map(([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`).sort().join(',');
    const size = e.type === 'dir' ? '' : e.size;
    all.push([e.path.toString('latin1'), e.type, kind, e.mode.toString(8), e.uid, e.gid, size, e.mtimeNs, e.nlink, e.hardlink?.toString('latin1') ?? '', xattrs].join(' '));
  }
  return all;
}

describe.skipIf(needsRoot !== '')('whole trees', () => {
  let world: FsWorld;
  beforeAll(async () => {
    world = await makeFsWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('are walked parents first, siblings by bytes, links told as links', async () => {
    const root = world.folder();
    for (const dir of ['b', 'a', 'a/z', 'a-b', 'empty']) mkdirSync(join(root, dir));
    for (const file of ['a/f', 'a/z/g', 'B', 'b/one']) writeFileSync(join(root, file), file);
    linkSync(join(root, 'b/one'), join(root, 'a/linked'));
    linkSync(join(root, 'b/one'), join(root, 'zz'));
    symlinkSync('a', join(root, 'link'));
    await using session = await world.open(root);
    const all = await collect(session.walk(''));
    expect(all.map(({ path }) => path.toString())).toEqual(['', 'B', 'a', 'a/f', 'a/linked', 'a/z', 'a/z/g', 'a-b', 'b', 'b/one', 'empty', 'link', 'zz']);
    expect(all.filter((e) => e.hardlink !== undefined).map((e) => [e.path.toString(), e.hardlink?.toString()])).toEqual([['b/one', 'a/linked'], ['zz', 'a/linked']]);
    expect((await collect(session.walk('a', { exclude: ['z', 'f'] }))).map(({ path }) => path.toString())).toEqual(['', 'linked']);
    expect((await collect(session.walk('b/one'))).map((e) => [e.path.toString(), e.type])).toEqual([['', 'file']]);
    expect((await collect(session.walk('link'))).map((e) => [e.path.toString(), e.type])).toEqual([['', 'symlink']]);
    expect(await failureOf(collect(session.walk('absent')))).toMatchObject({ kind: 'notFound' });
  });

  it('are walked with their contents: pieces that add up, holes that are told', async () => {
    const root = world.folder();
    const big = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 31) % 255));
    writeFileSync(join(root, 'big'), big);
    writeFileSync(join(root, 'empty'), '');
    linkSync(join(root, 'big'), join(root, 'linked'));
    writeFileSync(join(root, 'sparse'), 'start');
    truncateSync(join(root, 'sparse'), 5_000_000);
    const fd = openSync(join(root, 'sparse'), 'r+');
    writeSync(fd, 'end', 4_000_000);
    closeSync(fd);
    await using session = await world.open(root);
    const contents = new Map<string, Buffer[]>();
    let current: Buffer[] = [];
    let holes = 0;
    const order: string[] = [];
    for await (const item of session.walkData('')) {
      order.push(item.kind);
      if (item.kind === 'entry') contents.set(item.entry.path.toString(), (current = []));
      else if (item.kind === 'data') current.push(Buffer.from(item.data));
      else if (item.kind === 'hole') {
        holes += item.bytes;
        current.push(Buffer.alloc(item.bytes));
      } else expect(item.changed).toBe(false);
    }
    expect(Buffer.concat(contents.get('big')!).equals(big)).toBe(true);
    expect(Buffer.concat(contents.get('sparse')!).equals(readFileSync(join(root, 'sparse')))).toBe(true);
    expect(holes).toBeGreaterThan(4_900_000);
    expect([contents.get('empty'), contents.get('linked')]).toEqual([[], []]);
    expect(order.filter((kind) => kind === 'end').length).toBe(2);
  });

  it('are told to their size although a file shrinks or grows meanwhile', async () => {
    const root = world.folder();
    for (const name of ['grows', 'shrinks']) writeFileSync(join(root, name), Buffer.alloc(3_000_000, 'x'));
    await using session = await world.open(root);
    const sizes: Record<string, number> = {};
    const changed: Record<string, boolean> = {};
    let name = '';
    for await (const item of session.walkData('')) {
      if (item.kind === 'entry') name = item.entry.path.toString();
      if (item.kind === 'data' || item.kind === 'hole') sizes[name] = (sizes[name] ?? 0) + (item.kind === 'data' ? item.data.length : item.bytes);
      if (item.kind === 'data' && name === 'grows') truncateSync(join(root, 'grows'), 6_000_000);
      if (item.kind === 'data' && name === 'shrinks') truncateSync(join(root, 'shrinks'), 0);
      if (item.kind === 'end') changed[name] = item.changed;
    }
    expect([sizes, changed]).toEqual([{ grows: 3_000_000, shrinks: 3_000_000 }, { grows: false, shrinks: true }]);
  });

  it('are copied with everything that belongs to them', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    const mtimeNs = 1_234_567_890_123_456_789n;
    const xattrs = new Map([['user.x', Buffer.from([1, 0, 2])], ['trusted.overlay.opaque', Buffer.from('y')]]);
    const batch = session.batch();
    batch.mkdir('from', { mode: 0o2751, uid: 1, gid: 2, xattrs });
    batch.mkdir('from/sub', { mode: 0o700, uid: 3, gid: 4 });
    batch.file('from/sub/suid', { mode: 0o6755, uid: 5, gid: 6, mtimeNs, xattrs: new Map([['security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex')]]) }, Buffer.from('#!'));
    batch.hardlink('from/a-link', 'from/sub/suid');
    batch.symlink('from/l', '/etc/passwd', { mode: 0o777, uid: 7, gid: 8, mtimeNs, xattrs: new Map([['trusted.l', Buffer.from('l')]]) });
    batch.mknod('from/null', { type: 'char', major: 1, minor: 3 }, { mode: 0o666, uid: 0, gid: 0, mtimeNs });
    batch.mknod('from/fifo', { type: 'fifo' }, { mode: 0o4600, uid: 0, gid: 0, mtimeNs });
    batch.whiteout('from/gone');
    batch.fileBegin('from/sparse', { ...owner, mtimeNs });
    batch.hole(50_000_000);
    batch.data(Buffer.alloc(100_000, 7));
    batch.hole(50_000_000);
    batch.fileEnd();
    batch.utimes('from/sub', mtimeNs);
    batch.utimes('from', mtimeNs);
    await batch.close();
    for (const reflink of ['auto', 'never'] as const) {
      await session.copyTree('from', `to-${reflink}`, { reflink });
      expect(await picture(session, `to-${reflink}`)).toEqual(await picture(session, 'from'));
      expect(lstatSync(join(root, `to-${reflink}/sparse`)).blocks * 512).toBeLessThan(1_000_000);
      expect(readFileSync(join(root, `to-${reflink}/sparse`)).equals(readFileSync(join(root, 'from/sparse')))).toBe(true);
    }
    // The copy is another tree.
    writeFileSync(join(root, 'to-auto/sub/suid'), 'changed');
    expect(readFileSync(join(root, 'from/sub/suid'), 'utf8')).toBe('#!');
    expect(await failureOf(session.copyTree('from', 'to-auto'))).toMatchObject({ kind: 'conflict' });
    expect(await failureOf(session.copyTree('from', 'from/sub/in'))).toMatchObject({ kind: 'invalid' });
    expect(await failureOf(session.copyTree('absent', 'x'))).toMatchObject({ kind: 'notFound' });
    expect(await failureOf(session.copyTree('from/null', 'x'))).toMatchObject({ kind: 'conflict' });
  });

  it.skipIf(noReflink !== '')(`share their contents with the copy where the file system can ${noReflink}`, async () => {
    const dir = mkdtempSync('/tmp/gantry-test-reflink-');
    try {
      execFileSync('truncate', ['-s', '512M', join(dir, 'image')]);
      execFileSync('mkfs.xfs', ['-q', '-m', 'reflink=1', join(dir, 'image')], { stdio: 'ignore' });
      mkdirSync(join(dir, 'm'));
      execFileSync('mount', ['-o', 'loop', join(dir, 'image'), join(dir, 'm')]);
      try {
        mkdirSync(join(dir, 'm/from'));
        writeFileSync(join(dir, 'm/from/f'), Buffer.alloc(50_000_000, 'x'));
        await using session = await world.open(join(dir, 'm'));
        await session.sync('', 'tree');
        const before = await session.statfs('');
        await session.copyTree('from', 'to');
        await session.sync('', 'tree');
        const after = await session.statfs('');
        expect((before.blocksFree - after.blocksFree) * after.blockSize).toBeLessThan(5_000_000);
        expect(readFileSync(join(dir, 'm/to/f')).equals(readFileSync(join(dir, 'm/from/f')))).toBe(true);
      } finally {
        execFileSync('umount', [join(dir, 'm')]);
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('lose their sockets in a copy, and keep them in a walk', async () => {
    const root = world.folder();
    mkdirSync(join(root, 'from'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 'from/socket'), resolve));
    await using session = await world.open(root);
    expect((await collect(session.walk('from'))).map((e) => e.type)).toEqual(['dir', 'socket']);
    await session.copyTree('from', 'to');
    expect(readdirSync(join(root, 'to'))).toEqual([]);
    await new Promise((resolve) => server.close(resolve));
  });

  it('are removed whole, whatever is in them', async () => {
    const root = world.folder();
    mkdirSync(join(root, 'v/a/b'), { recursive: true });
    chmodSync(join(root, 'v/a/b'), 0);
    symlinkSync('/etc', join(root, 'v/link'));
    execFileSync('mkfifo', [join(root, 'v/fifo')]);
    for (let i = 0; i < 3000; i += 1) writeFileSync(join(root, 'v/a', `file-${i}`), '');
    await using session = await world.open(root);
    await session.remove('v');
    await session.remove('v');
    await session.remove('v/below/it');
    expect([existsSync(join(root, 'v')), existsSync('/etc/passwd')]).toEqual([false, true]);
    writeFileSync(join(root, 'x'), '');
    mkdirSync(join(root, 'y/z'), { recursive: true });
    await session.remove('');
    expect(readdirSync(root)).toEqual([]);
    expect(existsSync(root)).toBe(true);
  });

  it('may be deeper than a path may be long', { timeout: 120_000 }, async () => {
    const root = world.folder();
    await using session = await world.open(root);
    const name = 'directory-with-a-name-of-some-length';
    const path = await makeDeep(session, 600, name);
    expect(path.length).toBeGreaterThan(20_000);
    const batch = session.batch();
    batch.file(`${path}/file`, { mode: 0o640, uid: 1, gid: 2, mtimeNs: 3n }, Buffer.from('deep'));
    batch.symlink(`${path}/link`, 'file', { mode: 0o777, uid: 0, gid: 0 });
    batch.hardlink(`${path}/hard`, `${path}/file`);
    await batch.close();
    expect(String(await session.readFile(`${path}/file`, { max: 10 }))).toBe('deep');
    expect(await session.stat(`${path}/hard`)).toMatchObject({ mode: 0o640, uid: 1, mtimeNs: 3n, nlink: 2 });
    const all = await collect(session.walk(name));
    expect([all.length, all.at(-1)!.path.length > 20_000]).toEqual([603, true]);
    expect((await session.usage('')).inodes).toBe(1 + 600 + 2);
    await session.copyTree(name, 'copy');
    expect((await session.usage('copy')).inodes).toBe(602);
    await session.remove(name);
    await session.remove('copy');
    expect(readdirSync(root)).toEqual([]);
  });

  it('are removed although a container made them deeper than any path', { timeout: 120_000 }, async () => {
    const root = world.folder();
    // As a hostile program would: mkdir and chdir, again and again.
    execFileSync(process.execPath, ['-e', 'const fs = require("node:fs"); process.chdir(process.argv[1]); for (let i = 0; i < 3000; i += 1) { fs.mkdirSync("d"); process.chdir("d"); } fs.writeFileSync("bottom", "");', root]);
    await using session = await world.open(root);
    await session.remove('');
    expect(readdirSync(root)).toEqual([]);
    expect(await session.usage('')).toMatchObject({ inodes: 1 });
  });
});

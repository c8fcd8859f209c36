import { linkSync, lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diffTree, packTree, type PackOptions } from '../src/index.ts';
import { dir, file, octal, pax, symlink, tar } from './support/handmade.ts';
import { failureOf, readAll, text, type Whole } from './support/read-all.ts';
import { pictureOf } from './support/trees.ts';
import { makeWorld, needsRoot, run, type World } from './support/world.ts';

async function whole(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const names = (entries: readonly Whole[]): string[] => entries.map((e) => `${text(e.path)}${e.type === 'dir' ? '/' : e.type === 'symlink' || e.type === 'hardlink' ? ` ${e.type} ${text(e.link)}` : ''}`);

describe.skipIf(needsRoot !== '')('a packed tree', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  const pack = (root: string, o: Partial<PackOptions> = {}): Promise<Buffer> => whole(packTree({ native: world.native.endpoint, root, ...o }));
  const diff = (root: string, path?: string): Promise<Buffer> => whole(diffTree({ native: world.native.endpoint, root, ...(path === undefined ? {} : { path }) }));

  function tree(): string {
    const root = world.folder();
    mkdirSync(join(root, 'b/sub'), { recursive: true });
    mkdirSync(join(root, 'a'));
    writeFileSync(join(root, 'b/file'), 'content', { mode: 0o640 });
    writeFileSync(join(root, 'b/empty'), '');
    linkSync(join(root, 'b/file'), join(root, 'a/linked'));
    symlinkSync('../nowhere', join(root, 'b/link'));
    writeFileSync(join(root, 'big'), Buffer.alloc(700_000, 'big'));
    return root;
  }

  it('holds everything, in one order, in the same bytes each time', async () => {
    const root = tree();
    const archive = await pack(root);
    expect(names(await readAll(archive))).toEqual(['a/', 'a/linked', 'b/', 'b/empty', 'b/file hardlink a/linked', 'b/link symlink ../nowhere', 'b/sub/', 'big']);
    expect((await pack(root)).equals(archive)).toBe(true);
    const [linked] = (await readAll(archive)).filter((e) => text(e.path) === 'a/linked');
    const st = lstatSync(join(root, 'a/linked'), { bigint: true });
    expect(linked).toMatchObject({ mode: 0o640, size: 7, content: Buffer.from('content'), mtimeNs: st.mtimeNs });
    // The copy of a copy is the same.
    const copy = world.folder();
    await world.apply(copy, 'overlay', archive);
    expect((await pack(copy)).equals(archive)).toBe(true);
    expect(pictureOf(copy).slice(1)).toEqual(pictureOf(root).slice(1));
  });

  it('may be a part of a tree, under another name, without some of it', async () => {
    const root = tree();
    expect(names(await readAll(await pack(root, { path: 'b' })))).toEqual(['empty', 'file', 'link symlink ../nowhere', 'sub/']);
    expect(names(await readAll(await pack(root, { path: '/b/', rename: 'c' })))).toEqual(['c/', 'c/empty', 'c/file', 'c/link symlink ../nowhere', 'c/sub/']);
    expect(names(await readAll(await pack(root, { rename: 'top', exclude: ['b/sub', 'big', 'a/linked'] })))).toEqual(['top/', 'top/a/', 'top/b/', 'top/b/empty', 'top/b/file', 'top/b/link symlink ../nowhere']);
    expect(names(await readAll(await pack(root, { path: 'b/file' })))).toEqual(['file']);
    expect(names(await readAll(await pack(root, { path: 'b/file', rename: 'other' })))).toEqual(['other']);
    expect(names(await readAll(await pack(root, { path: 'b/link' })))).toEqual(['link symlink ../nowhere']);
    expect(names(await readAll(await pack(root, { rename: 'top' }))).filter((line) => line.includes('hardlink'))).toEqual(['top/b/file hardlink top/a/linked']);
    expect(await failureOf(pack(root, { path: 'absent' }))).toMatchObject({ kind: 'notFound' });
    expect(await failureOf(pack(root, { path: 'b/link/x' }))).toMatchObject({ kind: 'invalid' });
  });

  it('has attributes, devices and FIFOs, and no sockets', async () => {
    const root = world.folder();
    run('mkfifo', join(root, 'fifo'));
    run('mknod', join(root, 'null'), 'c', '1', '3');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));
    writeFileSync(join(root, 'f'), '');
    {
      await using session = await world.open(root);
      await session.setxattr('f', 'user.x', Buffer.from([0, 255]));
      await session.setxattr('f', 'trusted.overlay.origin', Buffer.from('x'));
    }
    const entries = await readAll(await pack(root));
    expect(entries.map((e) => [text(e.path), e.type])).toEqual([['f', 'file'], ['fifo', 'fifo'], ['null', 'char']]);
    expect([...entries[0]!.xattrs]).toEqual([['user.x', Buffer.from([0, 255])]]);
    await new Promise((resolve) => server.close(resolve));
  });

  it('writes holes as zeros', async () => {
    const root = world.folder();
    writeFileSync(join(root, 'sparse'), 'start');
    truncateSync(join(root, 'sparse'), 1_000_000);
    const [entry] = await readAll(await pack(root));
    expect([entry?.content.length, entry?.content.equals(readFileSync(join(root, 'sparse')))]).toEqual([1_000_000, true]);
  });

  it('is told at the reader\'s pace, and no more when the reader leaves', async () => {
    const root = world.folder();
    for (let i = 0; i < 60; i += 1) writeFileSync(join(root, `f${i}`), Buffer.alloc(1_000_000, i));
    let chunks = 0;
    const before = process.memoryUsage().arrayBuffers;
    for await (const chunk of packTree({ native: world.native.endpoint, root })) {
      chunks += 1;
      expect(chunk.byteLength).toBeLessThanOrEqual(256 * 1024);
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (chunks === 20) break;
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(30_000_000);
    const abort = new AbortController();
    expect(
      await failureOf(
        (async () => {
          for await (const chunk of packTree({ native: world.native.endpoint, root, signal: abort.signal })) {
            expect(chunk.byteLength).toBeGreaterThan(0);
            abort.abort();
          }
        })(),
      ),
    ).toMatchObject({ kind: 'aborted' });
    expect(await failureOf(pack(root, { signal: AbortSignal.abort() }))).toMatchObject({ kind: 'aborted' });
  });

  it('of an overlay\'s upper directory is the layer it was, whiteouts and all', async () => {
    const upper = world.folder();
    const layer = tar(dir('./', { mode: octal(0o755) }), dir('d'), file('d/.wh..wh..opq', '', { mode: octal(0o600) }), file('d/f', 'x'), file('.wh.gone', '', { mode: octal(0o600) }), file('sub/.wh.x', ''), symlink('l', 'd'));
    await world.apply(upper, 'overlay', layer);
    const entries = await readAll(await diff(upper));
    expect(names(entries)).toEqual(['/', 'd/', 'd/.wh..wh..opq', 'd/f', '.wh.gone', 'l symlink d', 'sub/', 'sub/.wh.x']);
    expect(entries.filter((e) => text(e.path).includes('.wh.'))).toMatchObject(Array.from({ length: 3 }, () => ({ type: 'file', mode: 0o600, size: 0 })));
    const again = world.folder();
    await world.apply(again, 'overlay', await diff(upper));
    expect((await diff(again)).equals(await diff(upper))).toBe(true);
    expect(names(await readAll(await diff(world.dir, upper.slice(world.dir.length))))).toEqual(names(entries));
  });

  it('of a real overlay is what was changed in it', async () => {
    const [lower, upper, work, merged] = [world.folder(), world.folder(), world.folder(), world.folder()];
    for (const path of ['dir/a', 'dir/b', 'other/x']) {
      mkdirSync(join(lower, path, '..'), { recursive: true });
      writeFileSync(join(lower, path), path);
    }
    await world.native.overlay({ target: merged, lower: [lower], upper, work, options: { redirect_dir: 'off', metacopy: 'off' } });
    try {
      run('rm', '-r', join(merged, 'dir'));
      mkdirSync(join(merged, 'dir'));
      writeFileSync(join(merged, 'dir/new'), 'new');
      run('rm', join(merged, 'other/x'));
      writeFileSync(join(merged, 'added'), 'added');
    } finally {
      await world.native.umount(merged);
    }
    const archive = await diff(upper);
    expect(names(await readAll(archive))).toEqual(['/', 'added', 'dir/', 'dir/.wh..wh..opq', 'dir/new', 'other/', 'other/.wh.x']);
    // Applied to a copy of the parent it gives what was seen.
    const copy = world.folder();
    run('cp', '-a', `${lower}/.`, copy);
    await world.apply(copy, 'apply', archive);
    expect([readdirSync(copy).sort(), readdirSync(join(copy, 'dir')), readdirSync(join(copy, 'other'))]).toEqual([['added', 'dir', 'other'], ['new'], []]);
  });

  it.each(['redirect', 'metacopy'])('of an overlay with %s is refused', async (mark) => {
    const upper = world.folder();
    await world.apply(upper, 'overlay', tar(dir('d'), pax({ mtime: '1' }), file('d/f', 'x')));
    await using session = await world.open(upper);
    await session.setxattr(mark === 'redirect' ? 'd' : 'd/f', `trusted.overlay.${mark}`, Buffer.from('/elsewhere'));
    expect(await failureOf(diff(upper))).toMatchObject({ kind: 'invalid', code: 'layer-not-plain' });
  });
});

import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inPieces, rawTar } from '../harness/index.ts';
import { cases, collect, diffIdOf, dir, file, firstOf, layerId, rejects, type StorageCases, symlink } from './fixture.ts';

const base = [dir('etc', { mode: 0o755 }), file('etc/name', 'base', { mode: 0o640, uid: 1000, gid: 2000 }), file('run.sh', '#!/bin/sh\n', { mode: 0o4755 }), symlink('sh', 'run.sh')];
const baseTree = { '/': 'dir 755 0:0', '/etc': 'dir 755 0:0', '/etc/name': 'file 640 1000:2000 "base"', '/run.sh': 'file 4755 0:0 "#!/bin/sh\\n"', '/sh': 'symlink to run.sh 0:0' };

/** What a driver is for. */
export const basics: StorageCases = cases((it) => {
  it('a tar comes back as a tree', async (t) => {
    const tar = rawTar(base);
    assert.deepEqual(await t.driver.ingest('k', { tar: inPieces(tar) }), { diffId: diffIdOf(tar), bytes: tar.length });
    const layer = await t.driver.publish('k', { id: layerId('base'), parent: null });
    assert.deepEqual(layer, { kind: 'layer', id: 'base', parent: null, diffId: diffIdOf(tar), bytes: tar.length });
    assert.deepEqual(await t.driver.layer(layer.id), layer);
    assert.deepEqual(await collect(t.driver.list()), [layer]);
    assert.deepEqual(await t.tree(layer.id), baseTree);
    await t.healthy();
  });

  it('nothing is visible before publish()', async (t) => {
    await t.driver.begin('k');
    await t.driver.ingest('k', { tar: inPieces(rawTar(base)) });
    assert.deepEqual(await collect(t.driver.list()), []);
    await rejects('notFound', t.driver.layer(layerId('k')), 'layer() of the ingest');
  });

  it('a tar is read from a file and from a FIFO', async (t) => {
    const tar = rawTar(base);
    const [plain, fifo] = [join(t.env.root, 'layer.tar'), join(t.env.root, 'fifo')];
    await writeFile(plain, tar);
    assert.deepEqual(await t.driver.ingest('plain', { path: plain }), { diffId: diffIdOf(tar), bytes: tar.length });
    await (await t.env.native()).mkfifo(fifo, 0o600);
    const [ingested] = await Promise.all([t.driver.ingest('fifo', { path: fifo }, { expect: diffIdOf(tar) }), writeFile(fifo, tar)]);
    assert.deepEqual(ingested, { diffId: diffIdOf(tar), bytes: tar.length });
    await t.driver.publish('fifo', { id: layerId('a'), parent: null });
    assert.deepEqual(await t.tree(layerId('a')), baseTree);
  });

  it('progress grows to the number of bytes', async (t) => {
    const tar = rawTar([file('big', Buffer.alloc(3_000_000, 7))]);
    const seen: number[] = [];
    await t.driver.ingest('k', { tar: inPieces(tar, 65_536) }, { onProgress: (bytes) => void seen.push(bytes) });
    assert.equal(seen.at(-1), tar.length);
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
  });

  it('what is absent is notFound', async (t) => {
    const { driver } = t;
    const no = layerId('no');
    await rejects('notFound', driver.layer(no), 'layer');
    await rejects('notFound', driver.snapshot('no'), 'snapshot');
    await rejects('notFound', driver.publish('no', { id: layerId('x'), parent: null }), 'publish of no ingest');
    await rejects('notFound', driver.rebase(no, { id: layerId('x'), parent: null }), 'rebase');
    await rejects('notFound', driver.prepare('s', no), 'prepare over no layer');
    await rejects('notFound', driver.mount('no', 'h'), 'mount');
    await rejects('notFound', driver.commit('no', { id: layerId('x') }), 'commit');
    await rejects('notFound', driver.usage({ layer: no }), 'usage of a layer');
    await rejects('notFound', driver.usage({ snapshot: 'no' }), 'usage of a snapshot');
    await rejects('notFound', firstOf(driver.diff({ layer: no })), 'diff of a layer');
    await rejects('notFound', firstOf(driver.diff({ snapshot: 'no' })), 'diff of a snapshot');
    await rejects('notFound', firstOf(driver.changes('no')), 'changes');
    await driver.ingest('k', { tar: inPieces(rawTar(base)) });
    await rejects('notFound', driver.publish('k', { id: layerId('x'), parent: no }), 'publish over no layer');
    assert.equal((await driver.publish('k', { id: layerId('x'), parent: null })).id, 'x', 'the ingest is still there');
  });

  it('ids are names, whatever they look like', async (t) => {
    const before = await readdir(t.env.root);
    const ids = ['../../up', '/abs', 'a/b', 'a', '..', '.', '\u0000nul', 'ü'.repeat(300), 'x'.repeat(1000), 'white space\n', '%2e%2e', 'sha256:'.padEnd(71, '0')];
    for (const id of ids) await t.layer(id, null, [file('me', id.slice(0, 5))]);
    for (const id of ids) assert.deepEqual((await t.tree(layerId(id)))['/me'], `file 644 0:0 ${JSON.stringify(id.slice(0, 5))}`);
    for (const key of ids) {
      await t.driver.prepare(key, layerId('a'));
      await t.driver.mount(key, key);
      assert.deepEqual((await t.driver.snapshot(key)).holders, [key]);
      await t.driver.release(key, key);
      await t.driver.remove({ snapshot: key });
    }
    const listed = (await collect(t.driver.list())).map((item) => ('id' in item ? item.id : item.key));
    assert.deepEqual(listed.toSorted(), ids.toSorted());
    assert.deepEqual((await readdir(t.env.root)).toSorted(), before.toSorted(), 'something was made outside the state folder');
    await t.healthy();
  });

  it('layers stack', async (t) => {
    await t.layer('a', null, base);
    await t.layer('b', layerId('a'), [dir('etc'), file('etc/name', 'b'), file('new', 'b')]);
    assert.deepEqual(await t.tree(layerId('b')), { ...baseTree, '/etc/name': 'file 644 0:0 "b"', '/new': 'file 644 0:0 "b"' });
    assert.deepEqual(await t.tree(layerId('a')), baseTree, 'the layer below is as it was');
    assert.equal((await t.driver.layer(layerId('b'))).parent, 'a');
  });

  it('a snapshot is written to, and neither its layer nor its sibling sees that', async (t) => {
    await t.layer('a', null, base);
    for (const key of ['one', 'two']) assert.deepEqual(await t.driver.prepare(key, layerId('a')), { kind: 'active', key, parent: 'a', holders: [] });
    await t.edit('one', async (s) => {
      await s.writeFile('etc/name', Buffer.from('changed'), { mode: 0o600, uid: 0, gid: 0 });
      await s.remove('sh');
    });
    const { '/sh': sh, ...rest } = baseTree;
    assert.deepEqual(await t.treeOf('one'), { ...rest, '/etc/name': 'file 600 0:0 "changed"' }, `without ${sh}`);
    assert.deepEqual(await t.treeOf('two'), baseTree);
    assert.deepEqual(await t.tree(layerId('a')), baseTree);
    await t.healthy();
  });

  it('a view cannot be written to', async (t) => {
    await t.layer('a', null, base);
    assert.equal((await t.driver.prepare('v', layerId('a'), { view: true })).kind, 'view');
    const { path } = await t.driver.mount('v', 'h');
    await assert.rejects(writeFile(join(path, 'x'), 'x'), { code: 'EROFS' });
    await assert.rejects(writeFile(join(path, 'etc/name'), 'x'), { code: 'EROFS' });
    await t.driver.release('v', 'h');
    assert.deepEqual(await t.env.mounts(), [], 'a mount is left');
    assert.deepEqual(await collect(t.driver.changes('v')), []);
  });

  it('a snapshot over nothing is an empty folder', async (t) => {
    await t.driver.prepare('s', null);
    await t.driver.prepare('v', null, { view: true });
    assert.deepEqual(await t.treeOf('s'), { '/': 'dir 755 0:0' });
    assert.deepEqual(await t.treeOf('v'), { '/': 'dir 755 0:0' });
    await t.edit('s', (s) => s.writeFile('x', Buffer.from('x'), { mode: 0o644, uid: 1, gid: 1 }));
    const layer = await t.driver.commit('s', { id: layerId('made') });
    assert.deepEqual(await t.tree(layer.id), { '/': 'dir 755 0:0', '/x': 'file 644 1:1 "x"' });
  });

  it('holders share one tree, and the last one ends it', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('s', layerId('a'));
    const { path } = await t.driver.mount('s', 'first');
    assert.deepEqual(await t.driver.mount('s', 'second'), { path });
    await writeFile(join(path, 'x'), 'shared');
    assert.deepEqual((await t.driver.snapshot('s')).holders.toSorted(), ['first', 'second']);
    await t.driver.release('s', 'first');
    assert.equal((await stat(join(path, 'x'))).size, 6, 'still there for the second');
    assert.deepEqual((await t.driver.snapshot('s')).holders, ['second']);
    await t.driver.release('s', 'second');
    assert.deepEqual((await t.driver.snapshot('s')).holders, []);
    assert.deepEqual(await t.env.mounts(), [], 'a mount is left');
    assert.equal((await t.treeOf('s'))['/x'], 'file 644 0:0 "shared"');
  });

  it('a mount is visible to every process of the domain', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('s', layerId('a'));
    const { path } = await t.driver.mount('s', 'h');
    const { stdout } = await promisify(execFile)('cat', [join(path, 'etc/name')]);
    assert.equal(stdout, 'base');
    await t.driver.release('s', 'h');
  });

  it('the root takes its attributes from the layer below', async (t) => {
    await t.layer('a', null, [{ name: './', type: 'dir', mode: 0o711, uid: 5, gid: 6 }, file('x')]);
    await t.layer('b', layerId('a'), [file('y')]);
    await t.driver.prepare('s', layerId('b'));
    assert.equal((await t.tree(layerId('b')))['/'], 'dir 711 5:6');
    assert.equal((await t.treeOf('s'))['/'], 'dir 711 5:6');
  });

  it('list() has layers and snapshots, and status() is text', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('s', layerId('a'));
    const kinds = (await collect(t.driver.list())).map((item) => `${item.kind} ${'id' in item ? item.id : item.key}`);
    assert.deepEqual(kinds.toSorted(), ['active s', 'layer a']);
    for (const [name, value] of await t.driver.status()) assert.deepEqual([typeof name, typeof value], ['string', 'string']);
  });
});

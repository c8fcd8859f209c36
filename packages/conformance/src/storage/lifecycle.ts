import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import type { FsSession } from '@gantry/linux';
import type { Tree } from '../harness/index.ts';
import { bytesOf, cases, collect, dir, file, hardlink, layerId, rejects, type StorageCases, symlink, whiteout } from './fixture.ts';

const owner = { uid: 0, gid: 0 };
const base = [
  dir('etc'), file('etc/name', 'base'), file('etc/old', 'old'), dir('lib'), file('lib/a', 'a'), file('lib/b', 'b'), dir('same'), file('same/x', 'x'), symlink('link', 'etc/name'), file('touched', '12345'), dir('turns'), file('turns/x', 'x'),
];

/** What a build step might do to `base`. */
async function work(s: FsSession): Promise<void> {
  await s.writeFile('etc/name', Buffer.from('changed'), { mode: 0o644, ...owner });
  await s.remove('etc/old');
  await s.remove('lib');
  await s.mkdir('lib', { mode: 0o700, ...owner });
  await s.writeFile('lib/c', Buffer.from('c'), { mode: 0o644, ...owner });
  await s.mkdir('new/deep', { mode: 0o755, ...owner, parents: true });
  await s.symlink('new/deep/link', '/etc/name', { uid: 3, gid: 4 });
  await s.remove('link');
  await s.remove('turns');
  await s.writeFile('turns', Buffer.from('a file now'), { mode: 0o644, ...owner });
  const batch = s.batch();
  batch.chmod('touched', 0o600);
  batch.file('one', { mode: 0o644, ...owner, xattrs: new Map([['user.note', Buffer.from([0, 255])]]) }, Buffer.from('1'));
  batch.hardlink('two', 'one');
  await batch.close();
}

const worked: Tree = {
  '/': 'dir 755 0:0',
  '/etc': 'dir 755 0:0',
  '/etc/name': 'file 644 0:0 "changed"',
  '/lib': 'dir 700 0:0',
  '/lib/c': 'file 644 0:0 "c"',
  '/new': 'dir 755 0:0',
  '/new/deep': 'dir 755 0:0',
  '/new/deep/link': 'symlink to /etc/name 3:4',
  '/one': 'file 644 0:0 user.note=00ff "1"',
  '/same': 'dir 755 0:0',
  '/same/x': 'file 644 0:0 "x"',
  '/touched': 'file 600 0:0 "12345"',
  '/turns': 'file 644 0:0 "a file now"',
  '/two': 'hardlink to /one',
};

/** From snapshot to layer, to tar, and to nothing. */
export const lifecycle: StorageCases = cases((it) => {
  it('a committed snapshot is a layer, and a snapshot no more', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('s', layerId('a'));
    await t.edit('s', work);
    const { bytes, ...layer } = await t.driver.commit('s', { id: layerId('made') });
    assert.deepEqual(layer, { kind: 'layer', id: 'made', parent: 'a' });
    assert.ok(bytes > 0);
    await rejects('notFound', t.driver.snapshot('s'), 'snapshot() after commit()');
    assert.deepEqual(await t.tree(layerId('made')), worked);
    await t.reopen();
    assert.deepEqual(await t.tree(layerId('made')), worked, 'after the driver was opened again');
    await t.healthy();
  });

  it('a view and what is held cannot be committed', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('v', layerId('a'), { view: true });
    await rejects('conflict', t.driver.commit('v', { id: layerId('x') }), 'commit of a view');
    await t.driver.prepare('s', layerId('a'));
    await t.driver.mount('s', 'h');
    await rejects('conflict', t.driver.commit('s', { id: layerId('x') }), 'commit of what is held');
    await t.driver.release('s', 'h');
    await rejects('conflict', t.driver.commit('s', { id: layerId('a') }), 'commit to a layer with another parent');
    assert.equal((await t.driver.commit('s', { id: layerId('x') })).id, 'x');
  });

  it('diff() of a snapshot, over the same parent, gives the same tree', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('s', layerId('a'));
    await t.edit('s', work);
    const tar = await bytesOf(t.driver.diff({ snapshot: 's' }));
    assert.deepEqual(await t.tree(await t.again(tar, layerId('a'))), worked);
    await t.driver.commit('s', { id: layerId('made') });
    assert.deepEqual(await t.tree(await t.again(await bytesOf(t.driver.diff({ layer: layerId('made') })), layerId('a'))), worked, 'and so of the layer it becomes');
  });

  it('diff() of a mounted snapshot is its state of now', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('s', layerId('a'));
    await t.edit('s', work);
    const { path } = await t.driver.mount('s', 'running');
    assert.ok(path.startsWith('/'));
    const tar = await bytesOf(t.driver.diff({ snapshot: 's' }));
    await t.driver.release('s', 'running');
    assert.deepEqual(await t.tree(await t.again(tar, layerId('a'))), worked);
  });

  it('diff() of a layer means what was ingested', async (t) => {
    await t.layer('a', null, base);
    await t.layer('b', layerId('a'), [dir('etc', { mode: 0o700 }), whiteout('etc/old'), file('etc/name', 'b', { mtime: 99 }), dir('lib'), file('lib/b', 'b2'), hardlink('other', 'lib/b')]);
    const tree = await t.tree(layerId('b'), { mtime: true });
    const tar = await bytesOf(t.driver.diff({ layer: layerId('b') }));
    assert.deepEqual(await t.tree(await t.again(tar, layerId('a')), { mtime: true }), tree);
  });

  it('diff() of an untouched snapshot changes nothing', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('s', layerId('a'));
    await t.driver.prepare('v', layerId('a'), { view: true });
    const tree = await t.tree(layerId('a'));
    for (const snapshot of ['s', 'v']) assert.deepEqual(await t.tree(await t.again(await bytesOf(t.driver.diff({ snapshot })), layerId('a'))), tree);
  });

  it('changes() tells what was added, modified and deleted, and nothing else', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('s', layerId('a'));
    assert.deepEqual(await collect(t.driver.changes('s')), []);
    await t.edit('s', work);
    const changes = Object.fromEntries((await collect(t.driver.changes('s'))).map(({ path, kind }) => [path, kind]));
    assert.deepEqual(changes, {
      '/etc': 'modify', '/etc/name': 'modify', '/etc/old': 'delete', '/lib': 'modify', '/lib/a': 'delete', '/lib/b': 'delete', '/lib/c': 'add', '/link': 'delete',
      '/new': 'add', '/new/deep': 'add', '/new/deep/link': 'add', '/one': 'add', '/touched': 'modify', '/turns': 'modify', '/two': 'add',
    });
  });

  it('changes() sees what is gone inside a folder that was made anew', async (t) => {
    await t.layer('a', null, [dir('lib'), dir('lib/sub'), file('lib/sub/x', 'x'), file('lib/sub/y', 'y')]);
    await t.driver.prepare('s', layerId('a'));
    await t.edit('s', async (s) => {
      await s.remove('lib');
      await s.mkdir('lib/sub', { mode: 0o700, ...owner, parents: true });
      await s.writeFile('lib/sub/y', Buffer.from('new'), { mode: 0o644, ...owner });
    });
    const changes = Object.fromEntries((await collect(t.driver.changes('s'))).map(({ path, kind }) => [path, kind]));
    assert.deepEqual(changes, { '/lib': 'modify', '/lib/sub': 'modify', '/lib/sub/x': 'delete', '/lib/sub/y': 'modify' });
    assert.deepEqual(await t.tree(await t.again(await bytesOf(t.driver.diff({ snapshot: 's' })), layerId('a'))), await t.treeOf('s'));
  });

  it('attributes of the root are part of a diff', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('s', layerId('a'));
    await t.edit('s', async (s) => {
      const batch = s.batch();
      batch.chown('', 11, 12);
      batch.chmod('', 0o711);
      batch.setxattr('', 'user.root', Buffer.from('r'));
      await batch.close();
    });
    const root = 'dir 711 11:12 user.root=72';
    assert.equal((await t.tree(await t.again(await bytesOf(t.driver.diff({ snapshot: 's' })), layerId('a'))))['/'], root);
    await t.driver.commit('s', { id: layerId('made') });
    await t.driver.prepare('next', layerId('made'));
    assert.deepEqual([(await t.tree(layerId('made')))['/'], (await t.treeOf('next'))['/']], [root, root]);
  });

  it('changes() tells a deleted folder once, and parents before children', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('s', layerId('a'));
    await t.edit('s', async (s) => {
      await s.remove('lib');
      await s.mkdir('p/q/r', { mode: 0o755, ...owner, parents: true });
    });
    const paths = (await collect(t.driver.changes('s'))).map(({ path, kind }) => `${kind} ${path}`);
    assert.deepEqual(paths.toSorted(), ['add /p', 'add /p/q', 'add /p/q/r', 'delete /lib']);
    assert.ok(paths.indexOf('add /p') < paths.indexOf('add /p/q') && paths.indexOf('add /p/q') < paths.indexOf('add /p/q/r'));
  });

  it('rebase() puts the same diff over another parent', async (t) => {
    await t.layer('a', null, base);
    await t.layer('other', null, [dir('etc', { mode: 0o711 }), file('etc/old', 'other'), file('etc/more', 'other')]);
    await t.layer('b', layerId('a'), [file('etc/name', 'b'), whiteout('etc/old')]);
    const rebased = await t.driver.rebase(layerId('b'), { id: layerId('b2'), parent: layerId('other') });
    assert.equal(rebased.parent, 'other');
    assert.deepEqual(await t.tree(layerId('b2')), { '/': 'dir 755 0:0', '/etc': 'dir 711 0:0', '/etc/more': 'file 644 0:0 "other"', '/etc/name': 'file 644 0:0 "b"' });
    assert.equal((await t.tree(layerId('b')))['/etc/name'], 'file 644 0:0 "b"', 'the first one stays');
    await t.driver.rebase(layerId('b'), { id: layerId('b3'), parent: null });
    assert.deepEqual(await t.tree(layerId('b3')), { '/': 'dir 755 0:0', '/etc': 'dir 755 0:0', '/etc/name': 'file 644 0:0 "b"' });
    await t.driver.remove({ layer: layerId('b') });
    await t.driver.gc();
    assert.equal(Object.keys(await t.tree(layerId('b2'))).length, 4, 'it does not need the first one');
    await t.healthy();
  });

  it('rebase() takes files that are equal in the old parent along', async (t) => {
    await t.layer('a', null, [file('f', 'same', { mtime: 5 })]);
    await t.layer('other', null, [file('f', 'diff', { mtime: 5 })]);
    await t.layer('b', layerId('a'), [file('f', 'same', { mtime: 5 })]);
    await t.driver.rebase(layerId('b'), { id: layerId('b2'), parent: layerId('other') });
    assert.equal((await t.tree(layerId('b2')))['/f'], 'file 644 0:0 "same"');
  });

  it('rebase() of a committed snapshot', async (t) => {
    await t.layer('a', null, base);
    await t.driver.prepare('s', layerId('a'));
    await t.edit('s', (s) => s.writeFile('step', Buffer.from('1'), { mode: 0o644, ...owner }));
    await t.driver.commit('s', { id: layerId('step') });
    await t.layer('b', layerId('a'), [file('more', 'b')]);
    await t.driver.rebase(layerId('step'), { id: layerId('merged'), parent: layerId('b') });
    const tree = await t.tree(layerId('merged'));
    assert.deepEqual([tree['/step'], tree['/more'], tree['/etc/name']], ['file 644 0:0 "1"', 'file 644 0:0 "b"', 'file 644 0:0 "base"']);
  });

  it('what has children or holders cannot be removed', async (t) => {
    await t.layer('a', null, base);
    await t.layer('b', layerId('a'), [file('x')]);
    await t.driver.prepare('s', layerId('b'));
    await rejects('conflict', t.driver.remove({ layer: layerId('a') }), 'remove of a layer with a layer on it');
    await rejects('conflict', t.driver.remove({ layer: layerId('b') }), 'remove of a layer with a snapshot on it');
    await t.driver.mount('s', 'h');
    await rejects('conflict', t.driver.remove({ snapshot: 's' }), 'remove of a held snapshot');
    assert.equal((await t.treeOf('s'))['/etc/name'], 'file 644 0:0 "base"', 'all is still there');
    await t.driver.release('s', 'h');
    await t.driver.remove({ snapshot: 's' });
    await t.driver.remove({ layer: layerId('b') });
    await t.driver.remove({ layer: layerId('a') });
    assert.deepEqual(await collect(t.driver.list()), []);
    await rejects('notFound', t.driver.layer(layerId('a')), 'layer() after remove()');
    await t.healthy();
  });

  it('an id can be made again after it was removed', async (t) => {
    await t.layer('a', null, [file('x', 'first')]);
    await t.driver.remove({ layer: layerId('a') });
    await t.layer('a', null, [file('x', 'second')]);
    assert.equal((await t.tree(layerId('a')))['/x'], 'file 644 0:0 "second"');
    await t.driver.prepare('s', layerId('a'));
    await t.driver.remove({ snapshot: 's' });
    await t.driver.prepare('s', null);
    assert.deepEqual(await t.treeOf('s'), { '/': 'dir 755 0:0' });
  });

  it('usage() is exclusive, and gc() gives the disk back', async (t) => {
    const big = randomBytes(4 << 20);
    const size = async (name: string): Promise<number> => (await t.driver.usage({ layer: layerId(name) })).bytes;
    await t.layer('big', null, [file('big', big)]);
    await t.layer('small', layerId('big'), [file('small', 'x')]);
    const bigSize = await size('big');
    assert.ok(bigSize >= 4 << 20, 'the big layer has at least its file');
    await t.driver.prepare('s', layerId('small'));
    const before = (await t.driver.usage({ snapshot: 's' })).bytes;
    await t.edit('s', (s) => s.writeFile('made', big, { mode: 0o644, ...owner }));
    const { bytes, inodes } = await t.driver.usage({ snapshot: 's' });
    assert.ok(bytes - before >= 4 << 20, 'the snapshot has what was written to it');
    assert.ok(inodes > 0);
    await t.driver.remove({ snapshot: 's' });
    const { bytes: back } = await t.driver.gc();
    assert.ok(back >= bytes, `gc() gave back ${back} of ${bytes} bytes`);
    await rejects('notFound', t.driver.usage({ snapshot: 's' }), 'usage() after remove()');
    assert.equal(await size('big'), bigSize);
    assert.deepEqual(await t.driver.gc(), { bytes: 0 });
  });
});

import { strict as assert } from 'node:assert';
import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isGantryError } from '@gantry/errors';
import { rawTar } from '../harness/index.ts';
import { bytesOf, cases, diffIdOf, dir, file, layerId, rejects, type StorageCases, whiteout } from './fixture.ts';

const tar = rawTar([dir('d', { mtime: 5 }), file('d/x', 'x', { uid: 1, mtime: 7 }), file('owned', 'o', { uid: 3, gid: 4 })]);

/** What is declared true works, and what is declared false is notImplemented. */
export const capabilities: StorageCases = cases((it) => {
  it('sink', async (t) => {
    const { sink } = await t.driver.begin('k', { size: tar.length });
    if (!t.driver.capabilities.sink) {
      assert.equal(sink, undefined);
      await rejects('notImplemented', t.driver.ingest('k', { sunk: tar.length }), 'ingest() of what was sunk');
      return;
    }
    assert.ok(sink !== undefined, 'begin() returns no sink');
    await using handle = await open(sink.path, 'r+');
    await handle.write(tar, 0, tar.length, sink.offset);
    assert.deepEqual(await t.driver.ingest('k', { sunk: tar.length }, { expect: diffIdOf(tar) }), { diffId: diffIdOf(tar), bytes: tar.length });
    await t.driver.publish('k', { id: layerId('a'), parent: null });
    assert.equal((await t.tree(layerId('a')))['/d/x'], 'file 644 1:0 "x"');
  });

  it('exactDiff', async (t) => {
    // A tar that nobody would write the same way again: padded, unsorted, a whiteout in the middle.
    const odd = Buffer.concat([rawTar([file('z', 'z'), whiteout('owned'), file('a', 'a', { mtime: 99 })]), Buffer.alloc(4096)]);
    await t.layerOf('a', null, tar);
    await t.layerOf('b', layerId('a'), odd);
    const same = (await bytesOf(t.driver.diff({ layer: layerId('b') }))).equals(odd);
    assert.equal(same, t.driver.capabilities.exactDiff);
  });

  it('idmap', async (t) => {
    await t.layerOf('a', null, tar);
    const idmap = { uid: [{ container: 0, host: 100_000, size: 65_536 }], gid: [{ container: 0, host: 200_000, size: 65_536 }] };
    if (!t.driver.capabilities.idmap) {
      await rejects('notImplemented', t.driver.prepare('s', layerId('a'), { idmap }), 'prepare() with an id map');
      return;
    }
    assert.deepEqual((await t.driver.prepare('s', layerId('a'), { idmap })).idmap, idmap);
    const { path } = await t.driver.mount('s', 'h');
    const { uid, gid } = await stat(join(path, 'owned'));
    assert.deepEqual([uid, gid], [100_003, 200_004], 'what the container sees as 3:4');
    await t.driver.release('s', 'h');
    await t.driver.commit('s', { id: layerId('b') });
    assert.equal((await t.tree(layerId('b')))['/owned'], 'file 644 3:4 "o"');
  });

  it('quota', async (t) => {
    if (!t.driver.capabilities.quota) {
      await rejects('notImplemented', t.driver.prepare('s', null, { sizeLimit: 1 << 20 }), 'prepare() with a limit');
      return;
    }
    await t.driver.prepare('s', null, { sizeLimit: 1 << 20 });
    const { path } = await t.driver.mount('s', 'h');
    await assert.rejects(writeFile(join(path, 'big'), Buffer.alloc(4 << 20)), (e: NodeJS.ErrnoException) => e.code === 'ENOSPC' || e.code === 'EDQUOT');
    await t.driver.release('s', 'h');
  });

  it('lend', async (t) => {
    await t.layerOf('a', null, tar);
    await t.driver.prepare('s', layerId('a'));
    const [lent] = await Promise.allSettled([t.driver.lend('s', 'vm')]);
    if (lent.status === 'rejected') {
      assert.ok(isGantryError(lent.reason) && lent.reason.kind === 'notImplemented', 'a driver lends, or says that it cannot');
      return;
    }
    assert.ok(lent.value.length > 0);
    assert.deepEqual((await t.driver.snapshot('s')).holders, ['vm']);
    await t.driver.release('s', 'vm');
    assert.deepEqual((await t.driver.snapshot('s')).holders, []);
  });
});

import { strict as assert } from 'node:assert';
import { inPieces, rawTar } from '../harness/index.ts';
import { cases, collect, dir, file, layerId, rejects, type StorageCases } from './fixture.ts';

const tar = rawTar([dir('d'), file('d/x', 'x')]);
const other = rawTar([file('other', 'other')]);

/** Promises G2 and G3: a caller whose answer was lost may simply ask again. */
export const repeated: StorageCases = cases((it) => {
  it('publish() again returns the layer that exists, and drops the ingest', async (t) => {
    const as = { id: layerId('a'), parent: null };
    await t.driver.ingest('k', { tar: inPieces(tar) });
    const layer = await t.driver.publish('k', as);
    assert.notEqual(layer.existed, true);
    assert.deepEqual(await t.driver.publish('k', as), { ...layer, existed: true }, 'without an ingest: the answer to the first call was lost');
    await t.driver.ingest('k2', { tar: inPieces(tar) });
    assert.deepEqual(await t.driver.publish('k2', as), { ...layer, existed: true }, 'with the same content ingested again');
    await rejects('notFound', t.driver.publish('k2', { id: layerId('b'), parent: null }), 'publish of the dropped ingest');
    assert.deepEqual(await collect(t.driver.list()), [layer]);
    await t.healthy();
  });

  it('publish() to an id with another parent or content is a conflict', async (t) => {
    await t.layerOf('a', null, tar);
    await t.layerOf('p', null, other);
    await t.driver.ingest('k', { tar: inPieces(tar) });
    await rejects('conflict', t.driver.publish('k', { id: layerId('a'), parent: layerId('p') }), 'another parent');
    await t.driver.ingest('k2', { tar: inPieces(other) });
    await rejects('conflict', t.driver.publish('k2', { id: layerId('a'), parent: null }), 'another content');
    assert.equal((await t.tree(layerId('a')))['/d/x'], 'file 644 0:0 "x"');
  });

  it('ingest() again replaces the first one', async (t) => {
    await t.driver.ingest('k', { tar: inPieces(tar) });
    await t.driver.ingest('k', { tar: inPieces(other) });
    await t.driver.publish('k', { id: layerId('a'), parent: null });
    assert.equal((await t.tree(layerId('a')))['/other'], 'file 644 0:0 "other"');
  });

  it('begin() and discard() drop an ingest, and do not mind if there is none', async (t) => {
    for (const drop of [() => t.driver.begin('k'), () => t.driver.discard('k')]) {
      await t.driver.ingest('k', { tar: inPieces(tar) });
      await drop();
      await drop();
      await rejects('notFound', t.driver.publish('k', { id: layerId('a'), parent: null }), 'publish');
    }
  });

  it('rebase() again returns the layer that exists; with another parent it is a conflict', async (t) => {
    await t.layerOf('a', null, tar);
    await t.layerOf('p', null, other);
    const layer = await t.driver.rebase(layerId('a'), { id: layerId('b'), parent: layerId('p') });
    assert.deepEqual(await t.driver.rebase(layerId('a'), { id: layerId('b'), parent: layerId('p') }), { ...layer, existed: true });
    await rejects('conflict', t.driver.rebase(layerId('a'), { id: layerId('b'), parent: null }), 'another parent');
  });

  it('prepare() again returns the snapshot as it is; with other arguments it is a conflict', async (t) => {
    await t.layerOf('a', null, tar);
    const snapshot = await t.driver.prepare('s', layerId('a'));
    await t.driver.mount('s', 'h');
    assert.deepEqual(await t.driver.prepare('s', layerId('a')), { ...snapshot, holders: ['h'] });
    assert.deepEqual(await t.driver.prepare('s', layerId('a'), { view: false }), { ...snapshot, holders: ['h'] });
    await rejects('conflict', t.driver.prepare('s', layerId('a'), { view: true }), 'a view');
    await rejects('conflict', t.driver.prepare('s', null), 'another parent');
    await t.driver.release('s', 'h');
  });

  it('mount() again for one holder counts once', async (t) => {
    await t.driver.prepare('s', null);
    const mounted = await t.driver.mount('s', 'h');
    assert.deepEqual(await t.driver.mount('s', 'h'), mounted);
    assert.deepEqual((await t.driver.snapshot('s')).holders, ['h']);
    await t.driver.release('s', 'h');
    assert.deepEqual((await t.driver.snapshot('s')).holders, []);
    assert.deepEqual(await t.env.mounts(), []);
  });

  it('release() of what is not held resolves, and ends nobody else\'s hold', async (t) => {
    await t.driver.prepare('s', null);
    const { path } = await t.driver.mount('s', 'h');
    await t.driver.release('s', 'stranger');
    await t.driver.release('no such snapshot', 'h');
    assert.deepEqual((await t.driver.snapshot('s')).holders, ['h']);
    assert.deepEqual(await t.driver.mount('s', 'h'), { path });
    await t.driver.release('s', 'h');
    await t.driver.release('s', 'h');
    await t.healthy();
  });

  it('remove() of what is absent resolves', async (t) => {
    await t.driver.remove({ layer: layerId('no') });
    await t.driver.remove({ snapshot: 'no' });
    await t.layerOf('a', null, tar);
    await t.driver.remove({ layer: layerId('a') });
    await t.driver.remove({ layer: layerId('a') });
  });

  it('commit() again returns the layer', async (t) => {
    await t.driver.prepare('s', null);
    const layer = await t.driver.commit('s', { id: layerId('a') });
    assert.deepEqual(await t.driver.commit('s', { id: layerId('a') }), { ...layer, existed: true });
    await t.driver.prepare('s2', null);
    assert.deepEqual(await t.driver.commit('s2', { id: layerId('a') }), { ...layer, existed: true }, 'another snapshot, of the same parent');
    await rejects('notFound', t.driver.snapshot('s2'), 'snapshot() after commit()');
  });
});

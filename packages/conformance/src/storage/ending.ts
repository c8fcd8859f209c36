import { strict as assert } from 'node:assert';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inPieces, rawTar } from '../harness/index.ts';
import { cases, collect, dir, file, layerId, rejects, type StorageCases } from './fixture.ts';

/** What `open()` must not take longer than, whatever the state. */
const bound = 250;

/** Closing, and opening again what was closed. */
export const ending: StorageCases = cases((it) => {
  it('what was there is there after the driver was opened again', async (t) => {
    await t.layer('a', null, [dir('d'), file('d/x', 'x')]);
    await t.layer('b', layerId('a'), [file('y', 'y')]);
    await t.driver.prepare('s', layerId('b'));
    await t.driver.prepare('v', layerId('b'), { view: true });
    await t.edit('s', (s) => s.writeFile('z', Buffer.from('z'), { mode: 0o644, uid: 0, gid: 0 }));
    const [list, tree] = [await collect(t.driver.list()), await t.treeOf('s')];
    await t.reopen();
    const sorted = (items: readonly unknown[]): string[] => items.map((item) => JSON.stringify(item)).toSorted();
    assert.deepEqual(sorted(await collect(t.driver.list())), sorted(list));
    assert.deepEqual(await t.treeOf('s'), tree);
    await rejects('conflict', t.driver.remove({ layer: layerId('b') }), 'remove() of a layer with a snapshot on it');
    await t.healthy();
  });

  it('mounts and holders outlive the driver', async (t) => {
    await t.layer('a', null, [file('x', 'x')]);
    await t.driver.prepare('s', layerId('a'));
    const { path } = await t.driver.mount('s', 'container');
    await writeFile(join(path, 'y'), 'before');
    await t.reopen();
    assert.equal(await readFile(join(path, 'y'), 'utf8'), 'before', 'the mount is gone');
    assert.deepEqual((await t.driver.snapshot('s')).holders, ['container']);
    await rejects('conflict', t.driver.remove({ snapshot: 's' }), 'remove() of what is held');
    assert.deepEqual(await t.driver.mount('s', 'container'), { path });
    assert.ok((await t.env.mounts()).length <= 1, 'mounted once more');
    await t.healthy();
    await t.driver.release('s', 'container');
    assert.deepEqual(await t.env.mounts(), []);
    assert.equal((await t.treeOf('s'))['/y'], 'file 644 0:0 "before"');
  });

  it('a holder of a session ends with it, and only then', async (t) => {
    await t.driver.prepare('s', null);
    await t.driver.prepare('kept', null);
    await t.driver.mount('s', 'tmp:one:build');
    await t.driver.mount('kept', 'tmp:one:build');
    await t.driver.mount('kept', 'container');
    await t.reopen('one');
    assert.deepEqual((await t.driver.snapshot('s')).holders, ['tmp:one:build'], 'the session goes on');
    await t.reopen('two');
    assert.deepEqual((await t.driver.snapshot('s')).holders, []);
    assert.deepEqual((await t.driver.snapshot('kept')).holders, ['container']);
    await t.driver.remove({ snapshot: 's' });
    await t.driver.release('kept', 'container');
    assert.deepEqual(await t.env.mounts(), [], 'a mount is left');
    await t.healthy();
  });

  it('an ingest that was not published does not come back', async (t) => {
    await t.driver.ingest('k', { tar: inPieces(rawTar([file('x', Buffer.alloc(1 << 20))])) });
    await t.reopen();
    await rejects('notFound', t.driver.publish('k', { id: layerId('a'), parent: null }), 'publish()');
    await t.healthy();
    assert.ok((await t.driver.gc()).bytes >= 1 << 20, 'gc() gives its disk back');
  });

  it('a closed driver is unavailable, and may be closed again', async (t) => {
    await t.layer('a', null, [file('x')]);
    const { driver } = t;
    await driver[Symbol.asyncDispose]();
    await rejects('unavailable', driver.layer(layerId('a')), 'layer()');
    await rejects('unavailable', driver.prepare('s', null), 'prepare()');
    await rejects('unavailable', collect(driver.list()), 'list()');
    if (t.mode === 'direct') await driver[Symbol.asyncDispose]();
    await t.reopenClosed();
    assert.equal((await t.driver.layer(layerId('a'))).id, 'a');
  });

  it('closing ends what is under way', async (t) => {
    const begun = Promise.withResolvers<undefined>();
    async function* stuck(): AsyncGenerator<Uint8Array> {
      yield rawTar([file('x', Buffer.alloc(100_000))]).subarray(0, 20_000);
      begun.resolve(undefined);
      await new Promise(() => undefined);
    }
    const ingest = rejects(['aborted', 'unavailable'], t.driver.ingest('k', { tar: stuck() }), 'ingest()');
    await begun.promise;
    await t.driver[Symbol.asyncDispose]();
    await ingest;
    await t.reopenClosed();
    await t.healthy();
  });

  it(`open() takes less than ${bound} ms, whatever it finds`, async (t) => {
    await t.layer('a', null, [dir('d'), ...Array.from({ length: 200 }, (_, i) => file(`d/${i}`, 'x'))]);
    for (let i = 0; i < 60; i++) await t.driver.prepare(`s${i}`, layerId('a'), { view: true });
    const times: number[] = [];
    for (let n = 0; n < 3; n++) {
      await t.driver.ingest(`k${n}`, { tar: inPieces(rawTar(Array.from({ length: 1000 }, (_, i) => file(`${i}`))), 65_536) });
      await t.driver[Symbol.asyncDispose]();
      const begin = performance.now();
      await t.reopenClosed();
      times.push(performance.now() - begin);
    }
    assert.ok(Math.min(...times) < bound, `it took ${times.map((ms) => ms.toFixed()).join(', ')} ms`);
    assert.equal((await collect(t.driver.list())).length, 61);
  });
});

import { strict as assert } from 'node:assert';
import type { LayerId } from '@gantry/driver-api';
import { isGantryError } from '@gantry/errors';
import { inPieces, rawTar } from '../harness/index.ts';
import { cases, collect, dir, file, layerId, rejects, type StorageCases, type StorageFixture } from './fixture.ts';

const many = Array.from({ length: 8 }, (_, i) => i);
const tarOf = (i: number): Buffer => rawTar([dir('d'), ...Array.from({ length: 50 }, (_, n) => file(`d/${n}`, `${i}`))]);

async function put(t: StorageFixture, key: string, id: LayerId, parent: LayerId | null, tar: Buffer): Promise<boolean> {
  await t.driver.ingest(key, { tar: inPieces(tar, 7000) });
  return (await t.driver.publish(key, { id, parent })).existed === true;
}

/** Promise G5, and what holds when calls meet. */
export const parallel: StorageCases = cases((it) => {
  it('different layers at once', async (t) => {
    await t.layer('base', null, [dir('d')]);
    await Promise.all(many.map((i) => put(t, `k${i}`, layerId(`l${i}`), layerId('base'), tarOf(i))));
    for (const i of many) assert.equal((await t.tree(layerId(`l${i}`)))['/d/49'], `file 644 0:0 "${i}"`);
    assert.equal((await collect(t.driver.list())).length, 9);
    await t.healthy();
  });

  it('the same layer at once: made once, and returned to all', async (t) => {
    const existed = await Promise.all(many.map((i) => put(t, `k${i}`, layerId('one'), null, tarOf(1))));
    assert.equal(existed.filter((e) => !e).length, 1);
    assert.equal((await t.tree(layerId('one')))['/d/49'], 'file 644 0:0 "1"');
    await t.healthy();
  });

  it('a slow ingest holds up no other', async (t) => {
    const gate = Promise.withResolvers<undefined>();
    const tar = tarOf(1);
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(tar.subarray(0, 1000));
      await gate.promise;
      yield new Uint8Array(tar.subarray(1000));
    }
    const first = t.driver.ingest('slow', { tar: slow() });
    await put(t, 'quick', layerId('quick'), null, tarOf(2));
    await t.driver.prepare('s', layerId('quick'));
    gate.resolve(undefined);
    await first;
    await t.driver.publish('slow', { id: layerId('slow'), parent: null });
  });

  it('one key at once: one after another, the last one stays', async (t) => {
    await Promise.all(many.slice(0, 4).map((i) => t.driver.ingest('k', { tar: inPieces(tarOf(i)) })));
    await t.driver.publish('k', { id: layerId('a'), parent: null });
    const tree = await t.tree(layerId('a'));
    assert.equal(new Set(Array.from({ length: 50 }, (_, n) => tree[`/d/${n}`])).size, 1, 'a mixture of several ingests');
  });

  it('a layer is not removed under one that is being put on it', async (t) => {
    for (const i of many.slice(0, 8)) {
      const parent = layerId(`p${i}`);
      await t.layer(`p${i}`, null, [dir('d', { mode: 0o700 })]);
      await t.driver.ingest('k', { tar: inPieces(tarOf(i)) });
      const calls = [() => t.driver.publish('k', { id: layerId(`c${i}`), parent }), () => t.driver.remove({ layer: parent })];
      const outcomes = await Promise.allSettled((i % 2 === 0 ? calls : calls.toReversed()).map((call) => call()));
      const failed = outcomes.filter((o) => o.status === 'rejected').map((o): unknown => o.reason);
      assert.equal(failed.length, 1, 'exactly one of publish() and remove() succeeds');
      assert.ok(isGantryError(failed[0]) && ['conflict', 'notFound'].includes(failed[0].kind), String(failed[0]));
      await t.healthy();
    }
  });

  it('one snapshot, many holders', async (t) => {
    await t.layer('a', null, [file('x', 'x')]);
    const prepared = await Promise.all(many.map(() => t.driver.prepare('s', layerId('a'))));
    assert.equal(new Set(prepared.map((s) => s.key)).size, 1);
    const paths = await Promise.all(many.map((i) => t.driver.mount('s', `h${i}`)));
    assert.equal(new Set(paths.map((m) => m.path)).size, 1);
    assert.ok((await t.env.mounts()).length <= 1, 'mounted more than once');
    await Promise.all(many.map((i) => t.driver.release('s', `h${i}`)));
    assert.deepEqual((await t.driver.snapshot('s')).holders, []);
    assert.deepEqual(await t.env.mounts(), []);
    await t.healthy();
  });

  it('holding and removing meet: either, never both', async (t) => {
    for (const i of many) {
      await t.driver.prepare(`s${i}`, null);
      const [mounted, removed] = await Promise.allSettled([t.driver.mount(`s${i}`, 'h'), t.driver.remove({ snapshot: `s${i}` })]);
      assert.notEqual(mounted.status, removed.status);
      if (mounted.status === 'fulfilled') await t.driver.release(`s${i}`, 'h');
    }
    await t.healthy();
  });

  it('gc() beside work takes nothing that is in use', async (t) => {
    const work = many.map(async (i) => {
      await put(t, `k${i}`, layerId(`l${i}`), null, tarOf(i));
      await t.driver.prepare(`s${i}`, layerId(`l${i}`));
      if (i % 2 === 0) {
        await t.driver.remove({ snapshot: `s${i}` });
        await t.driver.remove({ layer: layerId(`l${i}`) });
      }
    });
    const collecting = (async () => {
      for (let n = 0; n < 5; n++) await t.driver.gc();
    })();
    await Promise.all([...work, collecting]);
    for (const i of many.filter((n) => n % 2 === 1)) assert.equal((await t.treeOf(`s${i}`))['/d/0'], `file 644 0:0 "${i}"`);
    await rejects('notFound', t.driver.layer(layerId('l0')), 'layer() of a removed one');
    await t.healthy();
  });
});

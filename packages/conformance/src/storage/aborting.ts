import { strict as assert } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';
import { isGantryError } from '@gantry/errors';
import { inPieces, rawTar } from '../harness/index.ts';
import { cases, collect, diffIdOf, file, layerId, rejects, type StorageCases } from './fixture.ts';

const tar = rawTar([file('x', Buffer.alloc(100_000, 'x'))]);

/** A tar that stops in the middle, as a registry does; `freed` tells that its reader let go of it. */
function stuck(): { readonly tar: AsyncIterable<Uint8Array>; readonly begun: Promise<unknown>; readonly freed: Promise<unknown> } {
  const [begun, freed] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  let sent = false;
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      if (sent) return await new Promise<never>(() => undefined);
      sent = true;
      setTimeout(() => begun.resolve(undefined), 50);
      return { done: false, value: new Uint8Array(tar.subarray(0, 50_000)) };
    },
    async return() {
      freed.resolve(undefined);
      return { done: true, value: undefined };
    },
  };
  return { tar: { [Symbol.asyncIterator]: () => iterator }, begun: begun.promise, freed: freed.promise };
}

async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  const late = Symbol('late');
  const first = await Promise.race([promise, delay(ms, late, { ref: false })]);
  if (first === late) assert.fail(`${what}: nothing happened within ${ms} ms`);
  return first;
}

/** What happens to a call when its caller loses interest, or gives it what it did not announce. */
export const aborting: StorageCases = cases((it) => {
  it('ingest() ends at once, lets go of its source, and keeps nothing', async (t) => {
    const [source, abort] = [stuck(), new AbortController()];
    const ingest = t.driver.ingest('k', { tar: source.tar }, { signal: abort.signal });
    await source.begun;
    abort.abort();
    await within(5000, rejects('aborted', ingest, 'ingest()'), 'ingest() after its signal');
    await within(5000, source.freed, 'return() of the source');
    await rejects('notFound', t.driver.publish('k', { id: layerId('a'), parent: null }), 'publish()');
    await t.driver.ingest('k', { tar: inPieces(tar) });
    await t.driver.publish('k', { id: layerId('a'), parent: null });
    assert.equal(Object.keys(await t.tree(layerId('a'))).length, 2);
    await t.healthy();
  });

  it('discard() ends a running ingest', async (t) => {
    const source = stuck();
    const ingest = rejects('aborted', t.driver.ingest('k', { tar: source.tar }), 'ingest()');
    await source.begun;
    await within(5000, t.driver.discard('k'), 'discard()');
    await within(5000, ingest, 'ingest() after discard()');
    assert.deepEqual(await collect(t.driver.list()), []);
  });

  it('a signal that fired before lets nothing begin', async (t) => {
    const signal = AbortSignal.abort();
    await rejects('aborted', t.driver.ingest('k', { tar: inPieces(tar) }, { signal }), 'ingest()');
    await rejects('aborted', t.driver.prepare('s', null, { signal }), 'prepare()');
    await rejects('notFound', t.driver.snapshot('s'), 'snapshot() of what was not prepared');
    await t.driver.prepare('s', null);
    await rejects('aborted', t.driver.mount('s', 'h', { signal }), 'mount()');
    assert.deepEqual((await t.driver.snapshot('s')).holders, []);
    await rejects('aborted', collect(t.driver.list({ signal })), 'list()');
    await rejects('aborted', collect(t.driver.diff({ snapshot: 's' }, { signal })), 'diff()');
    await rejects('aborted', t.driver.usage({ snapshot: 's' }, { signal }), 'usage()');
  });

  it('a stream that is left early is freed, and aborting it ends it', async (t) => {
    await t.layerOf('a', null, rawTar(Array.from({ length: 500 }, (_, i) => file(`f${i}`, Buffer.alloc(20_000, i)))));
    for await (const chunk of t.driver.diff({ layer: layerId('a') })) {
      assert.ok(chunk.length > 0);
      break;
    }
    for await (const item of t.driver.list()) {
      assert.equal(item.kind, 'layer');
      break;
    }
    const abort = new AbortController();
    const ended = rejects('aborted', (async () => {
      for await (const chunk of t.driver.diff({ layer: layerId('a') }, { signal: abort.signal })) {
        assert.ok(chunk.length > 0);
        abort.abort();
      }
    })(), 'diff()');
    await within(5000, ended, 'diff() after its signal');
    await t.driver.remove({ layer: layerId('a') });
  });

  it('an error of the source is the error of the ingest, and nothing is kept', async (t) => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(tar.subarray(0, 10_000));
      throw new Error('the line went dead');
    }
    const e: unknown = await t.driver.ingest('k', { tar: broken() }).catch((reason: unknown) => reason);
    assert.ok(isGantryError(e), 'a GantryError');
    assert.match(e.message, /the line went dead/);
    await rejects('notFound', t.driver.publish('k', { id: layerId('a'), parent: null }), 'publish()');
    await t.healthy();
  });

  it('what is not the expected digest is dataLoss, and nothing is kept', async (t) => {
    await rejects('dataLoss', t.driver.ingest('k', { tar: inPieces(tar) }, { expect: diffIdOf(Buffer.from('another')) }), 'ingest()');
    await rejects('notFound', t.driver.publish('k', { id: layerId('a'), parent: null }), 'publish()');
    await t.driver.ingest('k', { tar: inPieces(tar) }, { expect: diffIdOf(tar) });
    await t.driver.publish('k', { id: layerId('a'), parent: null });
    await t.healthy();
  });

  it('bytes behind the end of a tar count for its digest', async (t) => {
    const padded = Buffer.concat([tar, Buffer.alloc(10_240 - (tar.length % 10_240))]);
    assert.deepEqual(await t.driver.ingest('k', { tar: inPieces(padded) }, { expect: diffIdOf(padded) }), { diffId: diffIdOf(padded), bytes: padded.length });
  });
});

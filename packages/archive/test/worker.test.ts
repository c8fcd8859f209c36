import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GantryError } from '@gantry/errors';
import { untar } from '../src/index.ts';
import { file, tar } from './support/handmade.ts';
import { failureOf } from './support/read-all.ts';
import { makeWorld, needsRoot, run, type World } from './support/world.ts';

describe.skipIf(needsRoot !== '')('the worker', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  /** An endless archive, and how much of it was asked for. */
  function endless(): { readonly bytes: AsyncGenerator<Uint8Array, void, void>; readonly given: () => number; readonly closed: () => boolean } {
    let given = 0;
    let closed = false;
    async function* bytes(): AsyncGenerator<Uint8Array, void, void> {
      try {
        for (let i = 0; ; i += 1) {
          const chunk = Uint8Array.from(file(`f${i}`, Buffer.alloc(100_000, i)));
          given += chunk.byteLength;
          yield chunk;
        }
      } finally {
        closed = true;
      }
    }
    return { bytes: bytes(), given: () => given, closed: () => closed };
  }

  it('stops when the signal fires, and nothing is made any more when it rejects', async () => {
    const root = world.folder();
    const abort = new AbortController();
    const source = endless();
    const applied = failureOf(world.apply(root, 'overlay', tar(), { tar: source.bytes, signal: abort.signal }));
    while (readdirSync(root).length < 20) await sleep(5);
    abort.abort();
    expect(await applied).toMatchObject({ kind: 'aborted', code: 'aborted' });
    const count = readdirSync(root).length;
    await sleep(100);
    expect([readdirSync(root).length, source.closed()]).toEqual([count, true]);
    expect(await failureOf(world.apply(root, 'overlay', tar(), { signal: AbortSignal.abort() }))).toMatchObject({ kind: 'aborted' });
  });

  it('stops while it waits: for bytes, for a FIFO\'s writer, for a FIFO\'s bytes', async () => {
    const fifo = world.path('silent');
    run('mkfifo', fifo);
    async function* silent(): AsyncGenerator<Uint8Array, void, void> {
      yield Uint8Array.from(file('f', 'x'));
      await new Promise(() => undefined);
    }
    for (const source of [silent(), { path: fifo }]) {
      const abort = new AbortController();
      const applied = failureOf(world.apply(world.folder(), 'overlay', tar(), { tar: source, signal: abort.signal }));
      await sleep(150);
      abort.abort();
      expect(await applied).toMatchObject({ kind: 'aborted' });
    }
    const abort = new AbortController();
    const applied = failureOf(world.apply(world.folder(), 'overlay', tar(), { tar: { path: fifo }, signal: abort.signal }));
    await using writer = await open(fifo, 'w');
    await writer.write(file('f', 'x'));
    await sleep(150);
    abort.abort();
    expect(await applied).toMatchObject({ kind: 'aborted' });
  });

  it('passes on what its source failed with', async () => {
    async function* failing(): AsyncGenerator<Uint8Array, void, void> {
      yield Uint8Array.from(file('f', 'x'));
      throw new GantryError('dataLoss', 'digest-mismatch', 'The bytes are not what they should be');
    }
    const root = world.folder();
    expect(await failureOf(world.apply(root, 'overlay', tar(), { tar: failing() }))).toMatchObject({ kind: 'dataLoss', code: 'digest-mismatch' });
    expect(await failureOf(untar({ native: world.native.endpoint, root, path: '', tar: failing(), maxBytes: 1e6, maxInodes: 10 }))).toMatchObject({ kind: 'dataLoss' });
  });

  it('takes no more than it can work on', async () => {
    const source = endless();
    const abort = new AbortController();
    const applied = failureOf(world.apply(world.folder(), 'overlay', tar(), { tar: source.bytes, signal: abort.signal, limits: { maxBytes: 60_000_000 } }));
    expect(await applied).toMatchObject({ kind: 'exhausted', code: 'tar-limit' });
    // What was sent ahead, and what the limit lets through.
    expect(source.given()).toBeLessThan(60_000_000 + 30_000_000);
    await sleep(50);
    expect(source.closed()).toBe(true);
  });

  it('does many at once, and leaves the event loop to others', async () => {
    const archive = tar(...Array.from({ length: 100 }, (_, i) => file(`f${i}`, Buffer.alloc(200_000, i))));
    const digest = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
    let longest = 0;
    let last = performance.now();
    const ticker = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const results = await Promise.all(Array.from({ length: 5 }, () => world.apply(world.folder(), 'overlay', archive)));
    clearInterval(ticker);
    expect(results.map((r) => r.diffId)).toEqual(Array.from({ length: 5 }, () => digest));
    expect(longest).toBeLessThan(1000);
  });

  it('moves chunks that own their memory, and copies the others', async () => {
    const archive = tar(file('f', 'x'.repeat(10_000)));
    const own = Uint8Array.from(archive);
    const shared = new Uint8Array(archive.length + 100);
    shared.set(archive, 50);
    async function* one(chunk: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
      yield chunk;
    }
    await world.apply(world.folder(), 'overlay', archive, { tar: one(own) });
    expect(own.byteLength).toBe(0);
    await world.apply(world.folder(), 'overlay', archive, { tar: one(shared.subarray(50, 50 + archive.length)) });
    expect([shared.byteLength, Buffer.from(shared.subarray(50, 50 + archive.length)).equals(archive)]).toEqual([archive.length + 100, true]);
  });

  it('says that the zygote is not there', async () => {
    writeFileSync(world.path('layer.tar'), tar());
    const endpoint = { ...world.native.endpoint, socket: world.path('nobody') };
    expect(await failureOf(world.apply(world.folder(), 'overlay', tar(), { native: endpoint }))).toMatchObject({ kind: 'notFound', code: 'native-not-listening' });
  });
});

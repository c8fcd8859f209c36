import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { PullProgress } from '../src/index.ts';
import { Bench } from './support/engine.ts';

const host = '127.0.0.1:5000';

/** The registry that `tools/lab/peers.sh up` starts, with real images in it. */
async function hasRegistry(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(5000, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

describe.runIf(await hasRegistry())('a real registry', () => {
  it('gives a real image, whose layers hash to what its configuration says', async () => {
    await using bench = await Bench.make({});
    const engine = await bench.open();
    const progress: PullProgress[] = [];
    const { reference, digest } = await engine.images.pull(`${host}/debian:12`, { onProgress: (p) => progress.push(p) });
    expect(reference).toBe(`${host}/debian:12`);
    const image = await engine.images.inspect(reference);
    expect(image).toMatchObject({ id: digest, repoTags: [reference], repoDigests: [`${host}/debian@${digest}`], platform: { os: 'linux', architecture: 'amd64' } });
    expect(image.size).toBeGreaterThan(100_000_000);
    expect(image.config.Cmd).toEqual(['bash']);
    const bytes = progress.flatMap((p) => (p.kind === 'layer' && p.phase === 'downloading' ? [p.current ?? 0] : []));
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
    expect(bytes.length).toBeGreaterThan(2);
    expect(bench.world.layers.size).toBe(image.layers.length);
  });

  it('is asked once, however many pull at a time, and says what it has not got', async () => {
    await using bench = await Bench.make({});
    const engine = await bench.open();
    await Promise.all(Array.from({ length: 4 }, () => engine.images.pull(`${host}/busybox`)));
    expect(bench.world.calls.filter((call) => call === 'storage.ingest')).toHaveLength(1);
    await expect(engine.images.pull(`${host}/busybox:nope`)).rejects.toThrow(expect.objectContaining({ kind: 'notFound' }));
    await expect(engine.images.pull('127.0.0.1:1/busybox')).rejects.toThrow(expect.objectContaining({ kind: 'unavailable' }));
    expect((await engine.images.list()).map(({ repoTags }) => repoTags)).toEqual([[`${host}/busybox:latest`]]);
  });
});

import { digestOf } from '@gantry/oci';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RegistryClient } from '../src/index.ts';
import { failure, MemorySink, quickClient } from './support/client.ts';
import { MemoryBlobStore } from './support/memory-blob-store.ts';

/** A registry (CNCF distribution) that holds `busybox` and `debian:12`. */
const host = process.env['GANTRY_TEST_REGISTRY'] ?? '127.0.0.1:5000';

const isThere = await fetch(`http://${host}/v2/busybox/manifests/latest`, { method: 'HEAD', signal: AbortSignal.timeout(2000) }).then(
  (response) => response.status !== 404,
  () => false,
);

describe.skipIf(!isThere)(`a real registry${isThere ? '' : ` (skipped: no registry with busybox at ${host})`}`, () => {
  let client: RegistryClient;

  beforeAll(() => {
    client = quickClient();
  });

  afterAll(async () => {
    await client[Symbol.asyncDispose]();
  });

  it('gives a manifest by tag, and the same by the digest that tag names', async () => {
    const head = await client.head(`${host}/busybox`);
    const byTag = await client.fetchManifest(`${host}/busybox:latest`);
    const byDigest = await client.fetchManifest(`${host}/busybox@${head.digest}`);
    expect(byTag.descriptor).toEqual(head);
    expect(byDigest).toEqual(byTag);
  });

  it('tells what it does not have', async () => {
    await expect(client.fetchManifest(`${host}/busybox:nope`)).rejects.toThrow(failure('notFound', 'manifest-unknown', `manifest for ${host}/busybox:nope not found: manifest unknown`));
    await expect(client.fetchManifest(`${host}/no/such/repository`)).rejects.toThrow(failure('notFound', 'manifest-unknown'));
  });

  it('is pulled from, and a second pull asks for nothing but the tag', async () => {
    const [sink, store] = [new MemorySink(), new MemoryBlobStore()];
    const pulled = await client.pull(`${host}/busybox`, { layers: sink, store });
    for (const layer of pulled.layers) expect(digestOf(sink.standing.get(layer.chainId) ?? '')).toBe(layer.diffId);
    expect(pulled.config.config?.Cmd).toEqual(['sh']);
    sink.events.length = 0;
    await client.pull(`${host}/busybox`, { layers: sink, store });
    expect(sink.events).toEqual([`has ${pulled.layers.length - 1}`]);
  });

  it('resumes a large layer that was broken off', async () => {
    const { manifest } = await client.resolve(`${host}/debian:12`);
    const [layer] = manifest.layers;
    if (layer === undefined) throw new Error('debian has a layer');
    const store = new MemoryBlobStore();
    const giveUp = new AbortController();
    const half = async (): Promise<void> => {
      let bytes = 0;
      for await (const block of client.fetchLayer(`${host}/debian:12`, layer, { store, signal: giveUp.signal })) {
        bytes += block.length;
        if (bytes > 20_000_000) giveUp.abort();
      }
    };
    await expect(half()).rejects.toThrow(failure('aborted', 'aborted'));
    const kept = (await store.partial(layer.digest))!;
    const { size } = kept;
    await kept.close();
    expect(size).toBeGreaterThan(1_000_000);
    expect(size).toBeLessThan(layer.size);
    const progress: number[] = [];
    for await (const block of client.fetchLayer(`${host}/debian:12`, layer, { store, onProgress: (bytes) => progress.push(bytes) })) expect(block.length).toBeGreaterThan(0);
    expect(progress.at(-1)).toBe(layer.size);
    expect(store.disk.partials.size).toBe(0);
  });
});

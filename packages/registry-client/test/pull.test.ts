import { digestOf, hostPlatform, mediaTypes, parsePlatform } from '@gantry/oci';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Join, type LayerSink, type PullProgress, type RegistryClient } from '../src/index.ts';
import { eventually, failure, MemorySink, quickClient } from './support/client.ts';
import { collect, Holding, noise } from './support/images.ts';
import { MemoryBlobStore } from './support/memory-blob-store.ts';
import { ScriptedServer, type Handler } from './support/scripted-server.ts';

let holding: Holding;
let registry: ScriptedServer;
let sink: MemorySink;

/** One for all: its threads take long to start on a busy machine. */
let client: RegistryClient;

beforeAll(() => {
  client = quickClient();
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
});

beforeEach(async () => {
  holding = new Holding();
  registry = await ScriptedServer.start(holding.serve);
  sink = new MemorySink();
});

afterEach(async () => {
  await registry[Symbol.asyncDispose]();
});

const name = (suffix = ''): string => `${registry.host}/app${suffix}`;
const blobsAsked = (): string[] => registry.paths().filter((path) => path.includes('/blobs/'));

/** Answers for one blob only when told to. */
function gate(digest: string): { open: () => void; handler: Handler } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const handler: Handler = async (request, response) => {
    if (request.path.endsWith(digest)) await promise;
    await holding.serve(request, response);
  };
  return { open: () => resolve(undefined), handler };
}

describe('pull', () => {
  it('brings every layer in, bottom first, and returns what it found', async () => {
    const tars = [noise(100_000), noise(10), Buffer.alloc(500_000)];
    const { descriptor, manifest, diffIds } = holding.image([tars[0]!, { data: tars[1]!, packing: 'zstd' }, { data: tars[2]!, packing: 'none' }], { tag: 'v1' });
    const pulled = await client.pull(name(':v1'), { layers: sink });
    expect(pulled).toMatchObject({ root: descriptor, descriptor, manifest, config: { rootfs: { diff_ids: diffIds } }, reference: { tag: 'v1' } });
    expect(digestOf(pulled.configBytes)).toBe(manifest.config.digest);
    const [a, b, c] = diffIds;
    const chain = [a!, digestOf(`${a!} ${b!}`), digestOf(`${digestOf(`${a!} ${b!}`)} ${c!}`)];
    expect(pulled.layers.map(({ index, chainId, parent, diffId }) => ({ index, chainId, parent, diffId }))).toEqual(chain.map((chainId, i) => ({ index: i, chainId, parent: chain[i - 1] ?? null, diffId: diffIds[i] })));
    expect(chain.map((id) => sink.standing.get(id)?.equals(tars[chain.indexOf(id)]!))).toEqual([true, true, true]);
    expect(sink.events.filter((event) => event.startsWith('published'))).toEqual(['published 0', 'published 1', 'published 2']);
    expect(sink.staged.size).toBe(0);
  });

  it('pulls an image without layers', async () => {
    holding.image([], { tag: 'latest' });
    expect((await client.pull(name(), { layers: sink })).layers).toEqual([]);
  });

  it('fetches nothing of layers that stand, and asks from the top', async () => {
    const base = [noise(1000), noise(1000)];
    holding.image(base, { tag: 'base' });
    holding.image([...base, noise(1000)], { tag: 'app' });
    await client.pull(name(':base'), { layers: sink });
    sink.events.length = 0;
    registry.seen.length = 0;
    await client.pull(name(':app'), { layers: sink });
    expect(sink.events).toEqual(['has 2', 'has 1', 'ingested 2', 'published 2']);
    expect(blobsAsked()).toHaveLength(2);
    sink.events.length = 0;
    await client.pull(name(':app'), { layers: sink });
    expect(sink.events).toEqual(['has 2']);
  });

  it('takes in layers out of order and in parallel, and publishes in order', async () => {
    const { manifest } = holding.image([noise(1000), noise(1000), noise(1000)], { tag: 'latest' });
    const { open, handler } = gate(manifest.layers[0]!.digest);
    registry.handler = handler;
    const pulling = client.pull(name(), { layers: sink });
    await eventually(() => sink.events.filter((event) => event.startsWith('ingested')).sort()).toEqual(['ingested 1', 'ingested 2']);
    expect(sink.standing.size).toBe(0);
    open();
    await pulling;
    expect(sink.events.slice(-4)).toEqual(['ingested 0', 'published 0', 'published 1', 'published 2']);
  });

  it('downloads three layers at a time, over all pulls of a client', async () => {
    const tags = ['a', 'b'];
    for (const tag of tags) holding.image(Array.from({ length: 6 }, () => noise(200_000)), { tag });
    let running = 0;
    let most = 0;
    registry.handler = async (request, response) => {
      if (!request.path.includes('/blobs/') || holding.blobs.get(request.path.split('/').at(-1) ?? '')!.length < 10_000) return holding.serve(request, response);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await holding.serve(request, response);
      response.on('close', () => running--);
      return undefined;
    };
    await Promise.all(tags.map((tag) => client.pull(name(`:${tag}`), { layers: sink })));
    expect(most).toBe(3);
    expect(sink.standing.size).toBe(12);
  });

  it('has no trouble with many layers', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): unknown => warnings.push(warning);
    process.on('warning', note);
    holding.image(Array.from({ length: 100 }, (_, i) => Buffer.from(`layer ${i}`)), { tag: 'latest' });
    await client.pull(name(), { layers: sink, signal: new AbortController().signal });
    process.off('warning', note);
    expect(sink.standing.size).toBe(100);
    expect(warnings).toEqual([]);
  });

  it('reports what happens', async () => {
    holding.image([noise(300_000), noise(10)], { tag: 'latest' });
    const events: PullProgress[] = [];
    await client.pull(name(), { layers: sink, onProgress: (event) => events.push(event) });
    const of = (index: number): string[] => events.flatMap((event) => ('layer' in event && event.layer.index === index ? [event.type] : [])).filter((type, i, all) => type !== all[i - 1]);
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(['resolving', 'resolved']);
    for (const index of [0, 1]) expect(of(index)).toEqual(['waiting', 'downloading', 'ingested', 'published']);
    const last = events.findLast((event) => event.type === 'downloading' && event.layer.index === 0);
    expect(last?.type === 'downloading' && last.bytes === last.total && last.total === last.layer.descriptor.size).toBe(true);
    await client.pull(name(), { layers: sink, onProgress: (event) => events.push(event) });
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['exists', 'exists']);
  });

  it('calls one image at a time by its platform', async () => {
    const arm64 = holding.image([noise(10)], { platform: { os: 'linux', architecture: 'arm64' }, tag: 'arm64' }).descriptor;
    holding.index([{ ...arm64, platform: parsePlatform('linux/arm64') }], 'index');
    await client.pull(name(':index'), { layers: sink, platform: parsePlatform('linux/arm64') });
    await expect(client.pull(name(':index'), { layers: sink, platform: parsePlatform('linux/s390x') })).rejects.toThrow(failure('notFound', 'no-matching-manifest'));
    // Docker's rule: what has no index is taken for what it is, unless a platform is asked for.
    await client.pull(name(':arm64'), { layers: sink });
    await expect(client.pull(name(':arm64'), { layers: sink, platform: parsePlatform('linux/s390x') })).rejects.toThrow(
      failure('notFound', 'platform-mismatch', 'does not match the specified platform: wanted linux/s390x, actual: linux/arm64'),
    );
  });

  it('checks by its configuration what an index does not place', async () => {
    const other = hostPlatform().architecture === 's390x' ? 'ppc64le' : 's390x';
    holding.index([holding.image([noise(10)], { platform: { os: 'linux', architecture: other } }).descriptor], 'latest');
    await expect(client.pull(name(), { layers: sink })).rejects.toThrow(failure('notFound', 'platform-mismatch'));
  });
});

describe('before the first layer is touched, pull refuses', () => {
  const untouched: LayerSink = { has: () => expect.unreachable(), ingest: () => expect.unreachable(), publish: () => expect.unreachable(), discard: () => expect.unreachable() };

  it.each([
    ['another number of diff IDs', { config: { rootfs: { type: 'layers', diff_ids: [] } } }, 'layer-count-mismatch'],
    ['a configuration without rootfs', { config: { rootfs: null } }, 'bad-image-config'],
    ['a diff ID that is none', { config: { rootfs: { type: 'layers', diff_ids: ['sha256:x'] } } }, 'bad-image-config'],
    ['a history of numbers', { config: { history: [1] } }, 'bad-image-config'],
    ['an artifact', { manifest: { config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 } } }, 'not-an-image'],
    ['a layer that is no tar', { manifest: { layers: [{ mediaType: 'application/vnd.erofs', digest: digestOf('x'), size: 1 }] } }, 'unsupported-layer-type'],
    ['a configuration that is too large', { manifest: { config: { mediaType: mediaTypes.config, digest: digestOf('x'), size: 2 ** 40 } } }, 'blob-too-large'],
  ])('%s', async (_, change, code) => {
    holding.image([noise(10)], { tag: 'latest', ...change });
    await expect(client.pull(name(), { layers: untouched })).rejects.toThrow(failure(code === 'blob-too-large' ? 'exhausted' : 'invalid', code));
  });

  it('a null history is no reason', async () => {
    holding.image([noise(10)], { tag: 'latest', config: { history: null, config: null } });
    await client.pull(name(), { layers: sink });
  });
});

describe('a pull that fails', () => {
  it('aborts the other layers, discards what is not published, and keeps what is', async () => {
    const { manifest, diffIds } = holding.image([noise(1000), noise(1000), noise(1000), noise(1000)], { tag: 'latest' });
    const { open, handler } = gate(manifest.layers[1]!.digest);
    registry.handler = handler;
    holding.blobs.set(manifest.layers[3]!.digest, noise(manifest.layers[3]!.size));
    sink.ingest = async (layer, download) => {
      if (layer.index === 3) await eventually(() => sink.events).toEqual(expect.arrayContaining(['published 0', 'ingested 2']));
      await MemorySink.take(sink, layer, download);
    };
    await expect(client.pull(name(), { layers: sink })).rejects.toThrow(failure('dataLoss', 'layer-corrupt'));
    expect(sink.events.slice(-1)).toEqual(['discarded 2']);
    expect([...sink.standing.keys()]).toEqual([diffIds[0]]);
    expect(sink.staged.size).toBe(0);
    await eventually(() => registry.openConnections).toBeLessThanOrEqual(3);
    open();
  });

  it('says what else went wrong while clearing up', async () => {
    const { manifest } = holding.image([noise(1000), noise(1000)], { tag: 'latest' });
    const { handler } = gate(manifest.layers[0]!.digest);
    registry.handler = handler;
    const giveUp = new AbortController();
    sink.discard = () => Promise.reject(new Error('disk on fire'));
    const pulling = client.pull(name(), { layers: sink, signal: giveUp.signal });
    await eventually(() => sink.events).toContain('ingested 1');
    giveUp.abort();
    const error: unknown = await pulling.catch((e: unknown) => e);
    expect(error).toEqual(failure('aborted', 'aborted'));
    expect(error).toMatchObject({ cause: { errors: [failure('aborted', 'aborted'), new Error('disk on fire')] } });
  });

  it('takes what the sink throws for the reason', async () => {
    holding.image([noise(1000), noise(1000)], { tag: 'latest' });
    sink.publish = () => Promise.reject(new Error('no space'));
    await expect(client.pull(name(), { layers: sink })).rejects.toThrow(failure('internal', 'unexpected', 'no space'));
  });

  it('throws a GantryError whatever a sink or a store throws', async () => {
    holding.image([noise(3_000_000)], { tag: 'latest' });
    const broken = (): Promise<never> => Promise.reject(new TypeError('a defect'));
    const sinks = [Object.assign(new MemorySink(), { has: broken }), Object.assign(new MemorySink(), { ingest: broken })];
    for (const layers of sinks) await expect(client.pull(name(), { layers })).rejects.toThrow(failure('internal', 'unexpected', 'a defect'));
    for (const method of ['get', 'put', 'partial'] as const) {
      const store = Object.assign(new MemoryBlobStore(), { [method]: broken });
      await expect(client.pull(name(), { layers: new MemorySink(), store })).rejects.toThrow(failure('internal', 'unexpected', 'a defect'));
    }
  });

  it('gives its slots back, also for layers that were opened and never read', async () => {
    holding.image(Array.from({ length: 5 }, () => noise(1000)), { tag: 'latest' });
    const careless: LayerSink = {
      has: async () => false,
      ingest: async (_, download) => {
        await download.open();
      },
      publish: () => Promise.reject(new Error('enough')),
      discard: async () => undefined,
    };
    await expect(client.pull(name(), { layers: careless })).rejects.toThrow('enough');
    await client.pull(name(), { layers: sink });
    expect(sink.standing.size).toBe(5);
  });

  it('stops at the signal wherever it is', async () => {
    const { manifest } = holding.image([noise(1000), noise(1000)], { tag: 'latest' });
    for (const digest of [manifest.config.digest, manifest.layers[1]!.digest]) {
      const { open, handler } = gate(digest);
      registry.handler = handler;
      registry.seen.length = 0;
      const giveUp = new AbortController();
      const pulling = client.pull(name(), { layers: sink, signal: giveUp.signal });
      await eventually(() => blobsAsked().some((path) => path.endsWith(digest))).toBe(true);
      giveUp.abort();
      await expect(pulling).rejects.toThrow(failure('aborted', 'aborted'));
      open();
    }
    expect(sink.staged.size).toBe(0);
  });
});

describe('pulls of one layer at once', () => {
  /** A sink as an engine would make it: one download for all, that outlives the pull which began it. */
  function joining(join: Join<string, void>): LayerSink {
    return {
      has: sink.has,
      publish: async (layer) => {
        if (!sink.standing.has(layer.chainId)) await sink.publish(layer);
      },
      discard: async () => undefined,
      ingest: (layer, download) => {
        sink.events.push('joins');
        return join.run(layer.chainId, download.signal, async (signal) => {
          sink.staged.set(layer.chainId, await collect(await download.open({ signal })));
        });
      },
    };
  }

  it('can share the download, and the abort of one does not hurt the other', async () => {
    const { manifest } = holding.image([noise(1000)], { tag: 'latest' });
    const digest = manifest.layers[0]!.digest;
    const { open, handler } = gate(digest);
    registry.handler = handler;
    const join = new Join<string, void>();
    const giveUp = new AbortController();
    const first = client.pull(name(), { layers: joining(join), signal: giveUp.signal });
    await eventually(() => blobsAsked()).toHaveLength(2);
    const second = client.pull(name(), { layers: joining(join) });
    await eventually(() => sink.events.filter((event) => event === 'joins')).toHaveLength(2);
    giveUp.abort();
    await expect(first).rejects.toThrow(failure('aborted', 'aborted'));
    open();
    await second;
    expect(sink.standing.size).toBe(1);
    expect(blobsAsked().filter((path) => path.endsWith(digest))).toHaveLength(1);
  });
});

describe('with a store', () => {
  it('keeps the documents, and asks for none that it has', async () => {
    const store = new MemoryBlobStore();
    const { descriptor, manifest } = holding.image([noise(10)], { platform: hostPlatform() });
    const root = holding.index([{ ...descriptor, platform: hostPlatform() }], 'latest');
    await client.pull(name(), { layers: sink, store });
    expect([...store.disk.blobs.keys()].sort()).toEqual([root.digest, descriptor.digest, manifest.config.digest].sort());
    registry.seen.length = 0;
    await client.pull(name(), { layers: sink, store });
    expect(registry.paths()).toEqual(['HEAD /v2/app/manifests/latest']);
  });

  it('fetches again what is damaged there', async () => {
    const store = new MemoryBlobStore();
    const { descriptor, manifest } = holding.image([noise(10)], { tag: 'latest' });
    await client.pull(name(), { layers: sink, store });
    for (const digest of [descriptor.digest, manifest.config.digest]) store.disk.blobs.set(digest, noise(store.disk.blobs.get(digest)!.length));
    await client.pull(name(), { layers: sink, store });
    for (const [digest, bytes] of store.disk.blobs) expect(digestOf(bytes)).toBe(digest);
  });

  it('goes on with a layer where an earlier pull was interrupted, in another process too', async () => {
    const data = noise(3_000_000);
    const { manifest } = holding.image([data], { tag: 'latest' });
    const layer = manifest.layers[0]!;
    const packed = holding.blobs.get(layer.digest)!;
    const store = new MemoryBlobStore();
    registry.handler = (request, response) => {
      if (!request.path.endsWith(layer.digest)) return holding.serve(request, response);
      response.writeHead(200, { 'Content-Length': packed.length }).write(packed.subarray(0, 1_234_567));
      return undefined;
    };
    const giveUp = new AbortController();
    const size = (): number => (store.disk.partials.get(layer.digest) ?? []).reduce((sum, chunk) => sum + chunk.length, 0);
    const pulling = client.pull(name(), { layers: sink, store, signal: giveUp.signal });
    await eventually(size).toBe(1_234_567);
    giveUp.abort();
    await expect(pulling).rejects.toThrow(failure('aborted', 'aborted'));

    registry.handler = holding.serve;
    registry.seen.length = 0;
    const bytes: number[] = [];
    await client.pull(name(), { layers: sink, store: new MemoryBlobStore(store.disk), onProgress: (event) => event.type === 'downloading' && bytes.push(event.bytes) });
    expect(registry.seen.find(({ path }) => path.endsWith(layer.digest))?.headers.range).toBe('bytes=1234567-');
    expect([...sink.standing.values()][0]?.equals(data)).toBe(true);
    expect(bytes.at(-1)).toBe(layer.size);
    expect(store.disk.partials.size).toBe(0);
  });

  it('throws a start away that proves wrong, and starts anew', async () => {
    const data = noise(3_000_000);
    const { manifest } = holding.image([data], { tag: 'latest' });
    const layer = manifest.layers[0]!;
    const torn = Buffer.concat([holding.blobs.get(layer.digest)!.subarray(0, 1_000_000), Buffer.alloc(100_000)]);
    for (const start of [noise(100), noise(5_000_000), torn]) {
      const [store, fresh] = [new MemoryBlobStore(), new MemorySink()];
      store.disk.partials.set(layer.digest, [start]);
      await client.pull(name(), { layers: fresh, store });
      expect([...fresh.standing.values()][0]?.equals(data)).toBe(true);
      expect(store.disk.partials.size).toBe(0);
      store.disk.partials.set(layer.digest, [start]);
      await expect(collect(client.fetchLayer(name(), layer, { store }))).rejects.toThrow(failure('dataLoss', 'layer-corrupt'));
      expect((await collect(client.fetchLayer(name(), layer, { store }))).equals(data)).toBe(true);
    }
  });

  it('does not try for ever what is wrong in the registry itself', async () => {
    const { manifest } = holding.image([{ data: noise(3_000_000), packing: 'none' }], { tag: 'latest' });
    const layer = manifest.layers[0]!;
    holding.blobs.set(layer.digest, noise(layer.size));
    const store = new MemoryBlobStore();
    store.disk.partials.set(layer.digest, [noise(100)]);
    await expect(client.pull(name(), { layers: sink, store })).rejects.toThrow(failure('dataLoss', 'digest-mismatch'));
    expect(blobsAsked().filter((path) => path.endsWith(layer.digest))).toHaveLength(2);
  });

  it('keeps no start of small layers', async () => {
    const { manifest } = holding.image([noise(1000)], { tag: 'latest' });
    const store = new MemoryBlobStore();
    store.partial = () => expect.unreachable();
    await client.pull(name(), { layers: sink, store });
    expect(manifest.layers[0]!.size).toBeLessThan(1024 ** 2);
  });
});

describe('another source than a registry', () => {
  it('serves as well: here, what a test holds', async () => {
    const data = noise(10_000);
    const { descriptor } = holding.image([data], { tag: 'latest' });
    const from = {
      manifest: async (which: string) => holding.manifests.get(which)!,
      async *blob({ digest }: { digest: string }, { offset = 0 }: { offset?: number | undefined }) {
        yield new Uint8Array(holding.blobs.get(digest)!.subarray(offset));
      },
    };
    expect((await client.pull('hello', { layers: sink, from })).descriptor).toEqual(descriptor);
    expect([...sink.standing.values()][0]?.equals(data)).toBe(true);
    expect(registry.seen).toEqual([]);
  });
});

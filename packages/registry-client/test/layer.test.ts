import { digestOf, mediaTypes, parseDiffID, type Descriptor } from '@gantry/oci';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RegistryClient } from '../src/index.ts';
import { eventually, failure, quickClient } from './support/client.ts';
import { collect, Holding, noise, sendBlob, type Packing } from './support/images.ts';
import { ScriptedServer, sendJson, type Handler } from './support/scripted-server.ts';

let holding: Holding;
let registry: ScriptedServer;

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
});

afterEach(async () => {
  await registry[Symbol.asyncDispose]();
});

const name = (): string => `${registry.host}/app`;

function layerOf(data: Buffer, packing: Packing = 'gzip'): { layer: Descriptor; packed: Buffer } {
  const [layer] = holding.image([{ data, packing }]).manifest.layers;
  const packed = layer && holding.blobs.get(layer.digest);
  if (layer === undefined || packed === undefined) throw new Error('the image has a layer');
  return { layer, packed };
}

const fetch = (layer: Descriptor, o?: Parameters<RegistryClient['fetchLayer']>[2]): Promise<Buffer> => collect(client.fetchLayer(name(), layer, o));

/** Sends the blob from where it is asked for, but only `count` bytes of it, and then breaks the connection. */
const breakAfter = (bytes: Buffer, count: number): Handler => (request, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const head = from === 0 ? {} : { 'Content-Range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(from === 0 ? 200 : 206, { 'Content-Length': bytes.length - from, ...head });
  response.write(bytes.subarray(from, from + count), () => setTimeout(() => response.destroy(), 5));
};

const ranges = (): (string | undefined)[] => registry.seen.map(({ headers }) => headers.range);

describe('fetchLayer', () => {
  it.each(['none', 'gzip', 'zstd'] as const)('unpacks and verifies a layer, %s', async (packing) => {
    const data = Buffer.concat([noise(3_000_000), Buffer.alloc(5_000_000)]);
    const { layer } = layerOf(data, packing);
    const progress: number[] = [];
    const got = await fetch(layer, { diffId: parseDiffID(digestOf(data)), onProgress: (bytes, total) => (expect(total).toBe(layer.size), progress.push(bytes)) });
    expect(got.equals(data)).toBe(true);
    expect(progress.at(-1)).toBe(layer.size);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });

  it('takes chunked bodies', async () => {
    const data = noise(500_000);
    const { layer, packed } = layerOf(data);
    registry.handler = (_, response) => {
      for (let at = 0; at < packed.length; at += 10_000) response.write(packed.subarray(at, at + 10_000));
      response.end();
    };
    expect((await fetch(layer)).equals(data)).toBe(true);
  });

  it('asks nobody for an empty blob', async () => {
    const { layer } = layerOf(Buffer.alloc(0), 'none');
    expect(await fetch(layer)).toHaveLength(0);
    expect(registry.seen).toEqual([]);
  });

  it('runs many at once', async () => {
    const layers = Array.from({ length: 12 }, () => {
      const data = noise(400_000);
      return { data, ...layerOf(data) };
    });
    await Promise.all(layers.map(async ({ layer, data }) => expect((await fetch(layer)).equals(data)).toBe(true)));
  });

  it('refuses a type that is no layer before it asks', async () => {
    const { layer } = layerOf(noise(10));
    for (const mediaType of ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'application/vnd.erofs.layer.v1', 'text/plain']) {
      await expect(fetch({ ...layer, mediaType })).rejects.toThrow(failure('invalid', 'unsupported-layer-type', mediaType));
    }
    expect(registry.seen).toEqual([]);
  });

  it('verifies the diff ID of a plain layer by the digest it has', async () => {
    const data = noise(1000);
    const { layer } = layerOf(data, 'none');
    expect((await fetch(layer, { diffId: parseDiffID(digestOf(data)) })).equals(data)).toBe(true);
    await expect(fetch(layer, { diffId: parseDiffID(digestOf('x')) })).rejects.toThrow(failure('dataLoss', 'diff-id-mismatch'));
  });
});

describe('an interrupted download', () => {
  const data = noise(2_000_000);

  it('goes on where it stopped', async () => {
    const { layer, packed } = layerOf(data);
    registry.handler = (request, response) => {
      registry.handler = holding.serve;
      return breakAfter(packed, 700_000)(request, response);
    };
    const retries: unknown[] = [];
    const got = await fetch(layer, { onRetry: ({ failures, error }) => retries.push([failures, error.code]) });
    expect(got.equals(data)).toBe(true);
    expect(ranges()).toEqual([undefined, 'bytes=700000-']);
    expect(retries).toEqual([[1, 'connection-lost']]);
  });

  it('passes over what it has where the server sends the whole again', async () => {
    const { layer, packed } = layerOf(data);
    let tries = 0;
    registry.handler = (request, response) => {
      if (++tries === 1) return breakAfter(packed, 700_001)(request, response);
      response.writeHead(200, { 'Content-Length': packed.length });
      response.end(packed);
      return undefined;
    };
    expect((await fetch(layer)).equals(data)).toBe(true);
    expect(tries).toBe(2);
  });

  it.each([
    ['another start', (size: number) => [206, { 'Content-Range': `bytes 0-${size - 1}/${size}` }]],
    ['another size', (size: number) => [206, { 'Content-Range': `bytes 700000-${size}/${size + 1}` }]],
    ['no range', () => [206, {}]],
    ['several ranges', () => [206, { 'Content-Type': 'multipart/byteranges; boundary=x' }]],
    ['416', (size: number) => [416, { 'Content-Range': `bytes */${size}` }]],
  ] as [string, (size: number) => [number, Record<string, string>]][])('asks for the whole where the server answers a range with %s', async (_, answer) => {
    const { layer, packed } = layerOf(data);
    let tries = 0;
    registry.handler = (request, response) => {
      tries++;
      if (tries === 1) return breakAfter(packed, 700_000)(request, response);
      if (request.headers.range === undefined) sendBlob(request, response, packed);
      else response.writeHead(...answer(packed.length)).end('x');
      return undefined;
    };
    expect((await fetch(layer)).equals(data)).toBe(true);
    expect(ranges()).toEqual([undefined, 'bytes=700000-', undefined]);
  });

  it('survives any number of breaks that get on by a megabyte', async () => {
    const { layer, packed } = layerOf(noise(8_000_000));
    registry.handler = breakAfter(packed, 1_100_000);
    await fetch(layer);
    expect(registry.seen).toHaveLength(8);
  });

  it('gives up after five that do not', async () => {
    const { layer, packed } = layerOf(data);
    registry.handler = breakAfter(packed, 1000);
    await expect(fetch(layer)).rejects.toThrow(failure('unavailable', 'connection-lost'));
    expect(ranges()).toEqual([undefined, ...[1, 2, 3, 4].map((i) => `bytes=${1000 * i}-`)]);
  });

  it('survives a registry that restarts', async () => {
    const { layer, packed } = layerOf(data);
    const { port } = registry;
    registry.handler = breakAfter(packed, 500_000);
    await using patient = quickClient({ retries: { attempts: 10, baseMs: 100, maxMs: 200 } });
    const getting = collect(patient.fetchLayer(name(), layer));
    await eventually(() => registry.seen).toHaveLength(1);
    await registry[Symbol.asyncDispose]();
    registry = await ScriptedServer.startAt(port, holding.serve);
    expect((await getting).equals(data)).toBe(true);
  });

  it('waits as long as a 503 says', async () => {
    const { layer, packed } = layerOf(data);
    let at = 0;
    registry.handler = (request, response) => {
      registry.handler = (_, second) => {
        at = performance.now();
        registry.handler = holding.serve;
        sendJson(second, 503, {}, { 'Retry-After': '1' });
      };
      return breakAfter(packed, 700_000)(request, response);
    };
    expect((await fetch(layer)).equals(data)).toBe(true);
    expect(performance.now() - at).toBeGreaterThan(900);
  });

  it('is not resumed once it is aborted, and frees its connection at once', async () => {
    const { layer, packed } = layerOf(data);
    registry.handler = (_, response) => void response.writeHead(200, { 'Content-Length': packed.length }).write(packed.subarray(0, 900_000));
    const giveUp = new AbortController();
    const getting = fetch(layer, { signal: giveUp.signal, onProgress: (bytes) => bytes >= 900_000 && giveUp.abort() });
    await expect(getting).rejects.toThrow(failure('aborted', 'aborted'));
    expect(registry.seen).toHaveLength(1);
    await eventually(() => registry.openConnections).toBe(0);
  });

  it('of a 404 in the middle is final', async () => {
    const { layer, packed } = layerOf(data);
    registry.handler = (request, response) => {
      registry.handler = (_, second) => sendJson(second, 404, { errors: [{ code: 'BLOB_UNKNOWN', message: 'blob unknown to registry' }] });
      return breakAfter(packed, 700_000)(request, response);
    };
    await expect(fetch(layer)).rejects.toThrow(failure('notFound', 'blob-unknown', 'blob unknown to registry'));
  });
});

describe('a consumer', () => {
  it('holds the source up by not reading', async () => {
    const { layer, packed } = layerOf(noise(16 * 1024 ** 2), 'none');
    let progress = 0;
    const reader = client.fetchLayer(name(), layer, { onProgress: (bytes) => (progress = bytes) })[Symbol.asyncIterator]();
    await reader.next();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const held = progress;
    // Windows of 1 MiB into the thread and 8 blocks out of it; one chunk each in our hands and on the way.
    expect(held).toBeLessThan(4 * 1024 ** 2);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(progress).toBe(held);
    await reader.return?.();
    expect(packed.length).toBe(layer.size);
  });

  it('may take longer than the registry may', async () => {
    const { layer } = layerOf(noise(8 * 1024 ** 2), 'none');
    await using hasty = quickClient({ timeouts: { idleMs: 150 } });
    let bytes = 0;
    for await (const block of hasty.fetchLayer(name(), layer)) {
      if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 600));
      bytes += block.length;
    }
    expect(bytes).toBe(layer.size);
    expect(registry.seen).toHaveLength(1);
  });

  it('frees everything by leaving', async () => {
    const { layer } = layerOf(noise(8 * 1024 ** 2));
    for await (const block of client.fetchLayer(name(), layer)) {
      expect(block.length).toBeGreaterThan(0);
      break;
    }
    await eventually(() => registry.openConnections).toBe(0);
  });

  it('may leave while the server is silent', async () => {
    const { layer, packed } = layerOf(noise(4 * 1024 ** 2), 'none');
    registry.handler = (_, response) => void response.writeHead(200, { 'Content-Length': packed.length }).write(packed.subarray(0, 300_000));
    const started = performance.now();
    let bytes = 0;
    for await (const block of client.fetchLayer(name(), layer)) {
      bytes += block.length;
      if (bytes === 300_000) break;
    }
    expect(performance.now() - started).toBeLessThan(20_000);
    await eventually(() => registry.openConnections).toBe(0);
  });

  it('keeps what it gets: no block is written to again', async () => {
    const data = Buffer.concat([noise(2_000_000), Buffer.alloc(2_000_000)]);
    const { layer } = layerOf(data);
    const blocks: Uint8Array[] = [];
    const digests: string[] = [];
    for await (const block of client.fetchLayer(name(), layer)) {
      blocks.push(block);
      digests.push(digestOf(block));
    }
    expect(blocks.map((block) => digestOf(block))).toEqual(digests);
  });
});

describe('the event loop', () => {
  it('is left alone: inflating and hashing happen in threads', async () => {
    // 128 MiB of tar from 128 KiB: whoever inflates and hashes that here does most of the work here.
    const size = 128 * 1024 ** 2;
    const { layer } = layerOf(Buffer.alloc(size));
    await fetch(layerOf(Buffer.from('warm')).layer);
    const [all, here] = [process.cpuUsage(), process.threadCpuUsage()];
    let bytes = 0;
    for await (const block of client.fetchLayer(name(), layer)) bytes += block.length;
    const [allUsed, hereUsed] = [process.cpuUsage(all), process.threadCpuUsage(here)];
    expect(bytes).toBe(size);
    expect(hereUsed.user + hereUsed.system).toBeLessThan((allUsed.user + allUsed.system) / 3);
  });
});

describe('fetchBlob', () => {
  it('gets small blobs whole and verified, large ones by a thread', async () => {
    for (const bytes of [Buffer.alloc(0), noise(10), noise(1_000_000)]) {
      const blob = holding.blob(bytes, 'application/octet-stream');
      expect(Buffer.from(await client.fetchBlob(name(), blob)).equals(bytes)).toBe(true);
    }
  });

  it('refuses what is too large before it asks', async () => {
    const blob = holding.blob(noise(11), 'application/octet-stream');
    await expect(client.fetchBlob(name(), blob, { max: 10 })).rejects.toThrow(failure('exhausted', 'blob-too-large'));
    expect(registry.seen).toEqual([]);
  });

  it.each([1000, 1_000_000])('refuses other bytes of the same size (%i)', async (size) => {
    const bytes = noise(size);
    const blob = { mediaType: mediaTypes.config, digest: digestOf(bytes), size };
    holding.blobs.set(blob.digest, noise(size));
    await expect(client.fetchBlob(name(), blob)).rejects.toThrow(failure('dataLoss', 'digest-mismatch'));
  });

  it('resumes like everything else', async () => {
    const bytes = noise(100_000);
    const blob = holding.blob(bytes, 'application/octet-stream');
    registry.handler = (request, response) => {
      registry.handler = holding.serve;
      return breakAfter(bytes, 60_000)(request, response);
    };
    expect(Buffer.from(await client.fetchBlob(name(), blob)).equals(bytes)).toBe(true);
    expect(ranges()).toEqual([undefined, 'bytes=60000-']);
  });
});

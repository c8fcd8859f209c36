import { gzipSync } from 'node:zlib';
import { digestOf, mediaTypes, parsePlatform } from '@gantry/oci';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClientLog, PullProgress, RegistryClient } from '../src/index.ts';
import { failure, MemorySink, quickClient } from './support/client.ts';
import { Holding, noise } from './support/images.ts';
import { MemoryBlobStore } from './support/memory-blob-store.ts';
import { ScriptedServer, sendJson, type Handler } from './support/scripted-server.ts';

/** The rows of the security catalogue that concern what registries send, by their identifiers; secrets have a file of their own. */

let holding: Holding;
let registry: ScriptedServer;
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

const name = (suffix = ''): string => `${registry.host}/app${suffix}`;

const serveManifest = (body: string, contentType: string): Handler => (_, response) => {
  response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
};

describe('CVE-2021-41190, GHSA-qq97-vm5h-rrhg, GHSA-5j5w-g665-5m35: one digest read as two documents', () => {
  const config = { mediaType: mediaTypes.config, digest: digestOf('c'), size: 1 };
  const both = { schemaVersion: 2, config, layers: [], manifests: [] };

  it.each([
    ['both layers and manifests, as a manifest', JSON.stringify(both), mediaTypes.manifest],
    ['both layers and manifests, as an index', JSON.stringify(both), mediaTypes.index],
    ['a header and a body of different types', JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, config, layers: [] }), mediaTypes.manifest],
    ['an OCI body under Docker\'s header', JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [] }), mediaTypes.dockerManifest],
  ])('%s: refused', async (_, body, type) => {
    registry.handler = serveManifest(body, type);
    await expect(client.pull(name(), { layers: new MemorySink() })).rejects.toThrow(failure('invalid', 'bad-manifest'));
  });

  it.each(['', 'application/json', 'text/html', 'application/octet-stream'])('a header that names no manifest (%j): refused', async (type) => {
    registry.handler = serveManifest(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [] }), type);
    await expect(client.fetchManifest(name())).rejects.toThrow(failure('invalid', 'unsupported-media-type'));
  });

  it('schema 1: refused by name', async () => {
    registry.handler = serveManifest(JSON.stringify({ schemaVersion: 1, fsLayers: [] }), 'application/vnd.docker.distribution.manifest.v1+prettyjws');
    await expect(client.fetchManifest(name())).rejects.toThrow(failure('invalid', 'manifest-schema1', 'push it again'));
  });
});

describe('a server that lies about length or digest: nothing is committed', () => {
  const data = noise(300_000);
  const lies: Record<string, [(bytes: Buffer) => Handler, string]> = {
    'a short body with its own length': [(bytes) => (_, response) => void response.writeHead(200, { 'Content-Length': bytes.length - 1 }).end(bytes.subarray(1)), 'size-mismatch'],
    'a long body with its own length': [(bytes) => (_, response) => void response.writeHead(200, { 'Content-Length': bytes.length + 1 }).end(Buffer.concat([bytes, Buffer.alloc(1)])), 'size-mismatch'],
    'a short body in chunks': [
      (bytes) => (_, response) => {
        response.write(bytes.subarray(0, -1));
        response.end();
      },
      'blob-truncated',
    ],
    'a long body in chunks': [
      (bytes) => (_, response) => {
        response.write(bytes);
        response.end('more');
      },
      'size-mismatch',
    ],
    'an endless body': [
      () => (_, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, 1)));
        };
        response.on('drain', more);
        more();
      },
      'dataLoss',
    ],
    'another body of the same length': [(bytes) => (_, response) => void response.writeHead(200, { 'Content-Length': bytes.length }).end(noise(bytes.length)), 'dataLoss'],
    'another body of the same length that inflates': [
      (bytes) => (_, response) => {
        const other = gzipSync(noise(1000), { level: 0 });
        response.writeHead(200, { 'Content-Length': bytes.length }).end(Buffer.concat([other, Buffer.alloc(bytes.length - other.length)]));
      },
      'digest-mismatch',
    ],
  };

  it.each(Object.keys(lies))('%s', async (which) => {
    const [lie, code] = lies[which]!;
    const { manifest } = holding.image([data], { tag: 'latest' });
    const { digest } = manifest.layers[0]!;
    registry.handler = (request, response) => (request.path.endsWith(digest) ? lie(holding.blobs.get(digest)!)(request, response) : holding.serve(request, response));
    const sink = new MemorySink();
    const store = new MemoryBlobStore();
    let most = 0;
    const onProgress = (event: PullProgress): void => {
      if (event.type === 'downloading') most = Math.max(most, event.bytes - event.total);
    };
    const error: unknown = await client.pull(name(), { layers: sink, store, onProgress }).catch((e: unknown) => e);
    expect(most).toBeLessThanOrEqual(0);
    expect(error).toMatchObject({ kind: 'dataLoss', ...(code === 'dataLoss' ? {} : { code }) });
    expect([sink.standing.size, sink.staged.size, store.disk.partials.size]).toEqual([0, 0, 0]);
    expect(store.disk.blobs.has(digest)).toBe(false);
  });

  it('a manifest that is not its digest, by the reference or by the registry\'s own header', async () => {
    const { descriptor } = holding.image([data], { tag: 'latest' });
    const body = holding.manifests.get(descriptor.digest)!.bytes.toString();
    registry.handler = serveManifest(`${body} `, mediaTypes.manifest);
    await expect(client.fetchManifest(name(`@${descriptor.digest}`))).rejects.toThrow(failure('dataLoss', 'digest-mismatch'));
    registry.handler = (_, response) => void response.writeHead(200, { 'Content-Type': mediaTypes.manifest, 'Docker-Content-Digest': descriptor.digest }).end(`${body} `);
    await expect(client.fetchManifest(name())).rejects.toThrow(failure('dataLoss', 'digest-mismatch'));
    const store = new MemoryBlobStore();
    await expect(client.pull(name(), { layers: new MemorySink(), store })).rejects.toThrow(failure('dataLoss', 'digest-mismatch'));
    expect(store.disk.blobs.size).toBe(0);
  });

  it('a configuration that is not its digest', async () => {
    const { manifest } = holding.image([data], { tag: 'latest' });
    holding.blobs.set(manifest.config.digest, Buffer.alloc(manifest.config.size, 0x20));
    const store = new MemoryBlobStore();
    await expect(client.pull(name(), { layers: new MemorySink(), store })).rejects.toThrow(failure('dataLoss', 'digest-mismatch'));
    expect(store.disk.blobs.has(manifest.config.digest)).toBe(false);
  });
});

describe('CVE-2024-3727: unvalidated references drove requests and paths', () => {
  it.each(['app@sha256:../../x', 'app:../../x', '../../x', 'app/../../x', 'app@sha256:ab', `${'a/'.repeat(300)}b`, 'app?x=y', 'app#x', 'app%2f..', 'app\r\nX: y'])('%j: an error before any request', async (ref) => {
    await expect(client.fetchManifest(`${registry.host}/${ref}`)).rejects.toThrow(failure('invalid', 'bad-reference'));
    expect(() => client.fetchLayer(`${registry.host}/${ref}`, { mediaType: mediaTypes.layer, digest: digestOf('x'), size: 1 })).toThrow(failure('invalid', 'bad-reference'));
    expect(registry.connections).toBe(0);
  });

  it('a digest in a manifest that is a path: an error before the blob is asked for', async () => {
    const { manifest } = holding.image([noise(10)]);
    holding.manifest({ ...manifest, layers: [{ ...manifest.layers[0]!, digest: 'sha256:../../x' }] }, mediaTypes.manifest, 'latest');
    await expect(client.pull(name(), { layers: new MemorySink() })).rejects.toThrow(failure('invalid', 'bad-manifest', 'layers[0].digest'));
    expect(registry.paths().some((path) => path.includes('/blobs/'))).toBe(false);
  });

  it('a digest that a registry makes up in its header', async () => {
    holding.image([noise(10)], { tag: 'latest' });
    registry.handler = (request, response) => {
      response.setHeader('Docker-Content-Digest', 'sha256:../../x');
      const bytes = holding.manifests.get('latest')!.bytes;
      response.writeHead(200, { 'Content-Type': mediaTypes.manifest, 'Content-Length': bytes.length });
      response.end(request.method === 'HEAD' ? undefined : bytes);
    };
    await expect(client.head(name())).rejects.toThrow(failure('invalid', 'bad-digest'));
    await expect(client.fetchManifest(name())).rejects.toThrow(failure('invalid', 'bad-digest'));
  });
});

describe('CVE-2023-2253, CVE-2023-25153, CVE-2026-53493: endless documents and amplifying graphs', () => {
  it('a manifest of 100 MiB, announced or not: refused after 4 MiB at the most', async () => {
    let sent = 0;
    const endless = (announced: boolean): Handler => (_, response) => {
      response.writeHead(200, { 'Content-Type': mediaTypes.index, ...(announced ? { 'Content-Length': 100 * 1024 ** 2 } : {}) });
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20))) sent += 65_536;
      };
      response.on('drain', more);
      more();
    };
    for (const announced of [true, false]) {
      sent = 0;
      registry.handler = endless(announced);
      await expect(client.fetchManifest(name())).rejects.toThrow(failure('exhausted', 'response-too-large'));
      expect(sent).toBeLessThan(16 * 1024 ** 2);
    }
  });

  it('ten levels of ten children each: one document a level, three levels', async () => {
    let level = [holding.image([noise(10)]).descriptor];
    for (let depth = 0; depth < 10; depth++) level = [holding.index(Array.from({ length: 10 }, (_, i) => ({ ...level[0]!, annotations: { i: String(i) } })))];
    await expect(client.resolve(name(`@${level[0]!.digest}`))).rejects.toThrow(failure('invalid', 'index-too-deep'));
    expect(registry.seen.length).toBeLessThanOrEqual(3);
  });
});

describe('GHSA-f2v9-hprr-32q3, GHSA-p3rc-w3hc-pqvv: unverified blobs or diff IDs poisoned a shared cache', () => {
  it('a known diff ID over other bytes: refused before it is published', async () => {
    const known = noise(1000);
    holding.image([known], { tag: 'good' });
    holding.image([noise(1000), noise(1000)], { tag: 'bad', config: { rootfs: { type: 'layers', diff_ids: [digestOf('unknown'), digestOf(known)] } } });
    const sink = new MemorySink();
    await client.pull(name(':good'), { layers: sink });
    await expect(client.pull(name(':bad'), { layers: sink })).rejects.toThrow(failure('dataLoss', 'diff-id-mismatch'));
    expect([...sink.standing.keys()]).toEqual([digestOf(known)]);
    expect(sink.staged.size).toBe(0);
  });

  it('bytes of a layer that are those of another blob of the same size', async () => {
    const { manifest } = holding.image([{ data: noise(1000), packing: 'none' }], { tag: 'latest' });
    holding.blobs.set(manifest.layers[0]!.digest, noise(1000));
    await expect(client.pull(name(), { layers: new MemorySink() })).rejects.toThrow(failure('dataLoss', 'digest-mismatch'));
  });
});

describe('CVE-2026-45999, CVE-2026-43166: crafted EROFS images', () => {
  it('a layer delivered as EROFS: refused before it is fetched', async () => {
    const { manifest } = holding.image([noise(10)]);
    holding.manifest({ ...manifest, layers: [{ ...manifest.layers[0]!, mediaType: 'application/vnd.erofs.layer.v1' }] }, mediaTypes.manifest, 'latest');
    await expect(client.pull(name(), { layers: new MemorySink() })).rejects.toThrow(failure('invalid', 'unsupported-layer-type'));
  });
});

describe('CVE-2025-62725: an artifact\'s annotation became a path', () => {
  it('annotations are data, and nothing else', async () => {
    const annotations = { 'org.opencontainers.image.title': '../../x', 'io.deis.oras.content.unpack': 'true', __proto__x: 'y' };
    const { manifest } = holding.image([noise(10)]);
    holding.manifest({ ...manifest, annotations, layers: [{ ...manifest.layers[0]!, annotations }] }, mediaTypes.manifest, 'latest');
    const pulled = await client.pull(name(), { layers: new MemorySink() });
    expect(pulled.manifest).toMatchObject({ annotations, layers: [{ annotations }] });
  });
});

describe('CVE-2026-22036, CVE-2026-84890: encoding chains and compression bombs', () => {
  it('a thousand codings of a manifest: none is undone', async () => {
    const body = gzipSync(Buffer.from('{}'));
    registry.handler = (_, response) => void response.writeHead(200, { 'Content-Type': mediaTypes.manifest, 'Content-Encoding': Array(1000).fill('gzip').join(','), 'Content-Length': body.length }).end(body);
    await expect(client.fetchManifest(name())).rejects.toThrow(failure('invalid', 'bad-manifest'));
  });

  it.each(['gzip', 'zstd'] as const)('a %s layer of zeros stops at the limit, in flat memory', async (packing) => {
    holding.image([{ data: Buffer.alloc(256 * 1024 ** 2), packing }], { tag: 'latest' });
    await using mine = quickClient({ limits: { layerBytes: 64 * 1024 ** 2 } });
    const sink = new MemorySink();
    let bytes = 0;
    let most = 0;
    const before = process.memoryUsage().rss;
    sink.ingest = async (_, download) => {
      for await (const block of await download.open()) {
        bytes += block.length;
        most = Math.max(most, process.memoryUsage().rss - before);
      }
    };
    await expect(mine.pull(name(), { layers: sink })).rejects.toThrow(failure('exhausted', 'layer-too-large'));
    expect(bytes).toBeLessThanOrEqual(64 * 1024 ** 2);
    expect(most).toBeLessThan(200 * 1024 ** 2);
  });
});

describe('CVE-2018-12121, CVE-2024-22019: header floods and hostile chunking', () => {
  it('64 KiB of headers: refused', async () => {
    registry.handler = (_, response) => void response.writeHead(200, Object.fromEntries(Array.from({ length: 64 }, (__, i) => [`X-${i}`, 'x'.repeat(1024)]))).end();
    await expect(client.fetchManifest(name())).rejects.toThrow(failure('unavailable', 'bad-http'));
  });

  it('an endless chunk extension: refused, with the loop alive', async () => {
    registry.handler = (_, response) => {
      response.writeHead(200, { 'Content-Type': mediaTypes.manifest, 'Transfer-Encoding': 'chunked' });
      response.flushHeaders();
      const { socket } = response;
      socket?.write('1;');
      const more = (): void => {
        while (socket?.destroyed === false && socket.write('x'.repeat(65_536)));
      };
      socket?.on('drain', more);
      more();
    };
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await using mine = quickClient({ retries: { attempts: 1 }, timeouts: { idleMs: 500 } });
    await expect(mine.fetchManifest(name())).rejects.toThrow();
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });
});

describe('CVE-2021-21285, CVE-2026-95839: malformed documents crashed the daemon', () => {
  it.each([
    ['null', 'null', 'bad-manifest'],
    ['a list', '[]', 'bad-manifest'],
    ['100,000 nested lists', `{"layers":${'['.repeat(100_000)}`, 'bad-manifest'],
    ['no configuration', '{"schemaVersion":2,"layers":[]}', 'bad-manifest'],
    ['a null configuration', '{"schemaVersion":2,"config":null,"layers":[]}', 'bad-manifest'],
    ['sha256:x', `{"schemaVersion":2,"config":{"mediaType":"${mediaTypes.config}","digest":"sha256:x","size":1},"layers":[]}`, 'bad-manifest'],
    ['a prototype', '{"__proto__":{"schemaVersion":2,"config":{},"layers":[]}}', 'bad-manifest'],
    ['nothing', '', 'bad-manifest'],
  ])('%s: an error of the caller\'s', async (_, body, code) => {
    registry.handler = serveManifest(body, mediaTypes.manifest);
    await expect(client.pull(name(), { layers: new MemorySink() })).rejects.toThrow(failure('invalid', code));
  });
});

describe('GO-2022-0983, CVE-2025-58160: escape sequences reached terminals and logs', () => {
  it('in nothing that a registry says', async () => {
    const hostile = 'x\u001b]0;title\u0007\u009b31m\r\n{"level":"error"}\u202etxt';
    const texts: string[] = [];
    const log: ClientLog = { debug: (o, m) => texts.push(m, ...Object.values(o).map(String)), warn: (o, m) => texts.push(m, ...Object.values(o).map(String)) };
    await using mine = quickClient({ log, retries: { attempts: 2 } });
    const handlers: Handler[] = [
      ...[400, 401, 403, 404, 429, 500].map((status): Handler => (_, response) => sendJson(response, status, { errors: [{ code: hostile, message: hostile }] })),
      (_, response) => sendJson(response, 200, {}, { 'Content-Type': 'text/html' }),
      serveManifest(JSON.stringify({ schemaVersion: 2, mediaType: hostile, layers: [] }), mediaTypes.manifest),
      serveManifest(JSON.stringify({ schemaVersion: 2, [`Layers`]: [], config: {} }), mediaTypes.manifest),
      serveManifest(JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: mediaTypes.manifest, digest: digestOf('x'), size: 1, platform: { os: hostile, architecture: hostile } }] }), mediaTypes.index),
      serveManifest(JSON.stringify({ schemaVersion: 2, config: { mediaType: mediaTypes.config, digest: hostile, size: 1 }, layers: [] }), mediaTypes.manifest),
      serveManifest(JSON.stringify({ schemaVersion: 2, config: { mediaType: hostile, digest: digestOf('x'), size: 1 }, layers: [], annotations: { [hostile]: 1 } }), mediaTypes.manifest),
    ];
    for (registry.handler of handlers) {
      const error: unknown = await mine.resolve(name(), { platform: parsePlatform('linux/amd64') }).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(Error);
      texts.push(error instanceof Error ? error.message : '');
    }
    for (const text of texts) expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

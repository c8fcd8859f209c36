import { gzipSync } from 'node:zlib';
import { digestOf, mediaTypes, parsePlatform } from '@gantry/oci';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClientLog, PullProgress, RegistryClient, RegistryClientOptions } from '../src/index.ts';
import { failure, MemorySink, quickClient } from './support/client.ts';
import { collect, Holding, noise } from './support/images.ts';
import { MemoryBlobStore } from './support/memory-blob-store.ts';
import { pem, redirect, ScriptedServer, sendJson, type Handler } from './support/scripted-server.ts';

/** One test or more for each row of the security catalogue that concerns a client of registries, by its identifiers. */

const secret = { username: 'alice', password: 'SECRET-PASSWORD' };
const encoded = Buffer.from('alice:SECRET-PASSWORD').toString('base64');
const holdsSecret = (text: string): boolean => text.includes('SECRET') || text.includes(encoded);

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

/** Every name is 127.0.0.1 here. */
const toLoopback: NonNullable<RegistryClientOptions['lookup']> = (_, options, done) => {
  if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }]);
  else done(null, '127.0.0.1', 4);
};

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

describe('CVE-2020-15157, CVE-2026-33540, CVE-2026-48978: credentials for a foreign layer URL or token realm', () => {
  it('a hostile realm gets no password, and the user is told what it wanted', async () => {
    await using thief = await ScriptedServer.start((_, response) => sendJson(response, 200, { token: 'x' }));
    registry.handler = (_, response) => sendJson(response, 401, {}, { 'WWW-Authenticate': `Bearer realm="${thief.url}/token",service="s"` });
    for (const credentials of [() => secret, () => ({ identityToken: 'SECRET-REFRESH' })]) {
      await using mine = quickClient({ credentials });
      await expect(mine.fetchManifest(name())).rejects.toThrow(failure('forbidden', 'realm-not-trusted', `send your credentials to ${thief.url}`));
    }
    expect(thief.seen).toEqual([]);
  });

  it('a registry token is for the registry, not for the realm it names', async () => {
    await using thief = await ScriptedServer.start((_, response) => sendJson(response, 200, { token: 'x' }));
    registry.handler = (_, response) => sendJson(response, 401, {}, { 'WWW-Authenticate': `Bearer realm="${thief.url}/token"` });
    await using mine = quickClient({ credentials: () => ({ registryToken: 'SECRET-TOKEN' }) });
    await expect(mine.fetchManifest(name())).rejects.toThrow(failure('unauthenticated', 'login-failed'));
    expect(thief.seen).toEqual([]);
  });

  it('a realm that is configured for this registry does get it, and no other registry can use that', async () => {
    holding.image([noise(10)], { tag: 'latest' });
    await using auth = await ScriptedServer.start((_, response) => sendJson(response, 200, { token: 'good' }));
    const handler: Handler = (request, response) =>
      request.headers.authorization === 'Bearer good' ? holding.serve(request, response) : sendJson(response, 401, {}, { 'WWW-Authenticate': `Bearer realm="${auth.url}/token"` });
    registry.handler = handler;
    await using other = await ScriptedServer.start(handler);
    await using mine = quickClient({ credentials: () => secret, realms: { [registry.host]: [auth.url] } });
    await mine.fetchManifest(name());
    expect(holdsSecret(auth.transcript)).toBe(true);
    await expect(mine.fetchManifest(`${other.host}/app`)).rejects.toThrow(failure('forbidden', 'realm-not-trusted'));
    expect(auth.seen).toHaveLength(1);
  });

  it.each(['ftp://127.0.0.1/token', 'token', 'https://user:pw@127.0.0.1/token', ''])('a realm that is no plain HTTP URL (%j) is refused, for strangers too', async (realm) => {
    registry.handler = (_, response) => sendJson(response, 401, {}, { 'WWW-Authenticate': `Bearer realm="${realm}"` });
    await expect(client.fetchManifest(name())).rejects.toThrow(failure('forbidden', 'realm-refused'));
  });

  it('a verified registry cannot name a realm without encryption, nor one inside this machine', async () => {
    await using inside = await ScriptedServer.start((_, response) => sendJson(response, 200, { access_token: 'internal' }));
    let realm = `${inside.url}/token`;
    await using remote = await ScriptedServer.start((_, response) => sendJson(response, 401, {}, { 'WWW-Authenticate': `Bearer realm="${realm}"` }), {});
    const host = `registry.test:${remote.port}`;
    await using mine = quickClient({ lookup: toLoopback, certificates: { [host]: { ca: pem.ca } } });
    await expect(mine.fetchManifest(`${host}/app`)).rejects.toThrow(failure('forbidden', 'realm-refused', 'less safe'));
    realm = `https://${inside.host}/token`;
    await expect(mine.fetchManifest(`${host}/app`)).rejects.toThrow(failure('forbidden', 'realm-refused', 'less safe'));
    expect(inside.connections).toBe(0);
  });

  it('layers are fetched from the registry, whatever `urls` say', async () => {
    await using elsewhere = await ScriptedServer.start(holding.serve);
    const { manifest } = holding.image([noise(1000)]);
    const layer = { ...manifest.layers[0]!, urls: [`${elsewhere.url}/v2/app/blobs/${manifest.layers[0]!.digest}`, 'file:///etc/passwd'] };
    holding.manifest({ ...manifest, layers: [layer] }, mediaTypes.manifest, 'latest');
    await client.pull(name(), { layers: new MemorySink() });
    expect(elsewhere.connections).toBe(0);
    holding.blobs.delete(layer.digest);
    await expect(client.pull(name(), { layers: new MemorySink() })).rejects.toThrow(failure('notFound', 'blob-unknown'));
    expect(elsewhere.connections).toBe(0);
  });
});

describe('CVE-2026-50151, GHSA-vh4v-2xq2-g5cg, CVE-2024-45336: redirects that carry credentials', () => {
  const guarded: Handler = (request, response) =>
    request.headers.authorization === `Basic ${encoded}` ? holding.serve(request, response) : sendJson(response, 401, {}, { 'WWW-Authenticate': 'Basic realm="x"' });
  const authorizations = (server: ScriptedServer): (string | undefined)[] => server.seen.map(({ headers }) => headers.authorization);

  it.each([301, 302, 303, 307, 308])('%i to another port: the layer comes, without credentials', async (status) => {
    const data = noise(1000);
    const { manifest } = holding.image([data], { tag: 'latest' });
    await using store = await ScriptedServer.start(holding.serve);
    registry.handler = (request, response) =>
      request.headers.authorization !== undefined && request.path.includes('/blobs/') ? redirect(response, status, `${store.url}${request.path}?X-Signature=abc`) : guarded(request, response);
    store.handler = (request, response) => holding.serve({ ...request, path: request.path.replace(/\?.*/, '') }, response);
    await using mine = quickClient({ credentials: () => secret });
    const sink = new MemorySink();
    await mine.pull(name(), { layers: sink });
    expect([...sink.standing.values()][0]?.equals(data)).toBe(true);
    expect(store.seen.length).toBe(2);
    expect(holdsSecret(store.transcript)).toBe(false);
    expect(manifest.layers).toHaveLength(1);
  });

  it('within the origin, relative: the credentials stay', async () => {
    holding.image([noise(10)], { tag: 'latest' });
    registry.handler = (request, response) => (request.path.includes('/moved/') ? guarded(request, response) : redirect(response, 307, request.path.replace('/app/', '/moved/')));
    await using mine = quickClient({ credentials: () => secret });
    await mine.fetchManifest(name());
    expect(authorizations(registry)).toContain(`Basic ${encoded}`);
  });

  it('to another host and back: the credentials are gone for good', async () => {
    holding.image([noise(10)], { tag: 'latest' });
    await using other = await ScriptedServer.start((request, response) => redirect(response, 307, `${registry.url}${request.path}?back`));
    registry.handler = (request, response) => {
      if (request.path.endsWith('?back')) sendJson(response, 200, {});
      else if (request.headers.authorization === undefined) sendJson(response, 401, {}, { 'WWW-Authenticate': 'Basic realm="x"' });
      else redirect(response, 307, `${other.url}${request.path}`);
    };
    await using mine = quickClient({ credentials: () => secret });
    await mine.fetchManifest(name()).catch(() => undefined);
    expect(registry.seen.map(({ path, headers }) => [path.endsWith('?back'), headers.authorization])).toEqual([
      [false, undefined],
      [false, `Basic ${encoded}`],
      [true, undefined],
    ]);
    expect(holdsSecret(other.transcript)).toBe(false);
  });

  it('to a host that asks for credentials: it gets none', async () => {
    await using thief = await ScriptedServer.start((_, response) => sendJson(response, 401, {}, { 'WWW-Authenticate': 'Basic realm="x"' }));
    registry.handler = (request, response) => redirect(response, 307, `${thief.url}${request.path}`);
    await using mine = quickClient({ credentials: () => secret, retries: { attempts: 1 } });
    await expect(mine.fetchManifest(name())).rejects.toThrow(failure('unavailable', 'blob-host-failed'));
    expect(thief.seen).toHaveLength(1);
    expect(holdsSecret(thief.transcript)).toBe(false);
  });

  it('from HTTPS to HTTP, to this machine, to a file, with a password, in a circle: refused', async () => {
    await using inside = await ScriptedServer.start(holding.serve);
    let location = '';
    await using remote = await ScriptedServer.start((_, response) => redirect(response, 307, location), {});
    const host = `registry.test:${remote.port}`;
    await using mine = quickClient({ lookup: toLoopback, certificates: { [host]: { ca: pem.ca } } });
    for (location of [`http://${host}/x`, `${inside.url}/x`, `https://${inside.host}/x`, 'file:///etc/passwd', 'http://[', `https://user:pw@${host}/x`, `https://${host}/again`]) {
      await expect(mine.fetchManifest(`${host}/app`)).rejects.toThrow(failure('forbidden', 'redirect-refused'));
    }
    expect(inside.connections).toBe(0);
    expect(remote.seen.filter(({ path }) => path === '/again')).toHaveLength(5);
  });
});

describe('CVE-2021-41092: credentials of a private registry sent to the default one', () => {
  it('a broken helper ends the call: no header, no other host', async () => {
    const asked: string[] = [];
    registry.handler = (_, response) => sendJson(response, 401, {}, { 'WWW-Authenticate': 'Basic realm="x"' });
    await using mine = quickClient({
      credentials: (host) => {
        asked.push(host);
        throw new Error(`helper failed: ${secret.password}`);
      },
    });
    const error: unknown = await mine.fetchManifest(name()).catch((e: unknown) => e);
    expect(error).toEqual(failure('unauthenticated', 'credentials-failed'));
    expect(holdsSecret(String(error))).toBe(false);
    expect(asked).toEqual([registry.host]);
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('the source is asked for the very host: Docker Hub by its name in references', async () => {
    const asked: string[] = [];
    await using hub = await ScriptedServer.start((_, response) => sendJson(response, 401, {}, { 'WWW-Authenticate': 'Basic realm="x"' }), {});
    const host = `registry.test:${hub.port}`;
    await using mine = quickClient({ lookup: toLoopback, certificates: { [host]: { ca: pem.ca } }, mirrors: { 'docker.io': [`https://${host}`] }, timeouts: { connectMs: 1000 }, credentials: (h) => (asked.push(h), undefined), retries: { attempts: 1 } });
    await mine.fetchManifest('debian').catch(() => undefined);
    expect(asked).toEqual([host]);
  });
});

describe('CVE-2026-92543: one loopback answer of DNS turned TLS checks off', () => {
  it('a name that resolves to 127.0.0.1 is held to verified TLS: no plain HTTP, no unknown certificate', async () => {
    holding.image([noise(10)], { tag: 'latest' });
    const lookup: NonNullable<RegistryClientOptions['lookup']> = (_, options, done) => {
      if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }, { address: '192.0.2.1', family: 4 }]);
      else done(null, '127.0.0.1', 4);
    };
    await using tls = await ScriptedServer.start(holding.serve, {});
    await using mine = quickClient({ lookup, insecureRegistries: ['127.0.0.0/8'] });
    await expect(mine.fetchManifest(`registry.test:${registry.port}/app`)).rejects.toThrow(failure('unavailable', 'tls-failed', 'does not speak HTTPS'));
    await expect(mine.fetchManifest(`registry.test:${tls.port}/app`)).rejects.toThrow(failure('unavailable', 'tls-certificate', 'is not trusted'));
    expect([registry.seen, tls.seen]).toEqual([[], []]);
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

describe('CVE-2025-3911, CVE-2025-0495, CVE-2025-48374: secrets in logs and errors', () => {
  it('no password, token or signature in anything that is logged or thrown', async () => {
    const { manifest } = holding.image([noise(1000)], { tag: 'latest' });
    const texts: string[] = [];
    const log: ClientLog = { debug: (o, m) => texts.push(m, JSON.stringify(o)), warn: (o, m) => texts.push(m, JSON.stringify(o)) };
    registry.handler = (request, response) => {
      if (request.path.startsWith('/token')) sendJson(response, 200, { token: 'SECRET-TOKEN' });
      else if (request.path.includes('X-Signature')) sendJson(response, 403, {});
      else if (request.headers.authorization !== 'Bearer SECRET-TOKEN') sendJson(response, 401, {}, { 'WWW-Authenticate': `Bearer realm="${registry.url}/token"` });
      else if (request.path.endsWith(manifest.layers[0]!.digest)) redirect(response, 307, `${request.path}?X-Signature=SECRET-SIGNATURE`);
      else return holding.serve(request, response);
      return undefined;
    };
    await using mine = quickClient({ log, credentials: () => secret });
    const error: unknown = await mine.pull(name(), { layers: new MemorySink() }).catch((e: unknown) => e);
    expect(error).toEqual(failure('forbidden', 'pull-access-denied'));
    texts.push(error instanceof Error ? `${error.message} ${String(error.stack)} ${JSON.stringify(error)}` : '');
    expect(texts.length).toBeGreaterThan(5);
    expect(texts.filter(holdsSecret)).toEqual([]);
  });
});

describe('collecting', () => {
  it('is what these tests trust: a good layer does come', async () => {
    const data = noise(1000);
    const { manifest } = holding.image([data], { tag: 'latest' });
    expect((await collect(client.fetchLayer(name(), manifest.layers[0]!))).equals(data)).toBe(true);
  });
});

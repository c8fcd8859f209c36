import { mediaTypes } from '@gantry/oci';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClientLog, RegistryClient, RegistryClientOptions } from '../src/index.ts';
import { failure, MemorySink, quickClient } from './support/client.ts';
import { Holding, noise } from './support/images.ts';
import { pem, redirect, ScriptedServer, sendJson, type Handler } from './support/scripted-server.ts';

/** The rows of the security catalogue that concern credentials, and whom a client of registries trusts, by their identifiers. */

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

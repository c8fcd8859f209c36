import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { mediaTypes, parsePlatform, type Descriptor } from '@gantry/oci';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RegistryClient } from '../src/index.ts';
import { eventually, failure, quickClient } from './support/client.ts';
import { Holding } from './support/images.ts';
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

const name = (suffix = ''): string => `${registry.host}/some/app${suffix}`;
const entry = (descriptor: Descriptor, platform?: string): object => ({ ...descriptor, ...(platform === undefined ? {} : { platform: parsePlatform(platform) }) });
const image = (text: string, platform = 'linux/amd64'): Descriptor => holding.image([Buffer.from(text)], { platform: parsePlatform(platform) }).descriptor;

/** Serves these bytes for every manifest. */
const always = (bytes: Buffer, headers: Record<string, string>): Handler => (request, response) => {
  response.writeHead(200, { 'Content-Length': bytes.length, ...headers });
  response.end(request.method === 'HEAD' ? undefined : bytes);
};

describe('fetchManifest', () => {
  it('gets a manifest by tag and by digest', async () => {
    const { descriptor, manifest } = holding.image([Buffer.from('a')], { tag: 'v1' });
    for (const ref of [name(':v1'), name(`@${descriptor.digest}`), name(`:ignored@${descriptor.digest}`)]) {
      const fetched = await client.fetchManifest(ref);
      expect(fetched).toMatchObject({ descriptor, document: { kind: 'manifest', manifest } });
    }
    expect(registry.paths()).toEqual(['v1', descriptor.digest, descriptor.digest].map((which) => `GET /v2/some/app/manifests/${which}`));
    expect(registry.seen[0]?.headers.accept?.split(', ')).toEqual([mediaTypes.index, mediaTypes.manifest, mediaTypes.dockerList, mediaTypes.dockerManifest]);
    expect(registry.seen[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('takes a parsed reference, and latest where nothing is said', async () => {
    holding.image([Buffer.from('a')], { tag: 'latest' });
    await client.fetchManifest({ domain: registry.host, path: 'x' });
    expect(registry.paths()).toEqual(['GET /v2/x/manifests/latest']);
  });

  it('takes parameters and odd case in Content-Type', async () => {
    const { descriptor } = holding.image([Buffer.from('a')]);
    registry.handler = always(holding.manifests.get(descriptor.digest)?.bytes ?? Buffer.alloc(0), { 'Content-Type': ' Application/vnd.OCI.image.manifest.v1+json ; charset=utf-8' });
    expect((await client.fetchManifest(name())).descriptor).toEqual(descriptor);
  });

  it('tells in Docker\'s words what is not there', async () => {
    await expect(client.fetchManifest(name(':nope'))).rejects.toThrow(failure('notFound', 'manifest-unknown', `manifest for ${name(':nope')} not found: manifest unknown`));
    registry.handler = (_, response) => sendJson(response, 404, { errors: [{ code: 'NAME_UNKNOWN', message: 'repository name not known to registry' }] });
    await expect(client.fetchManifest(name())).rejects.toThrow(failure('notFound', 'repository-unknown', `repository ${name()} not found: repository name`));
  });

  it('reads what goes wrong in whatever shape, and shows nothing unprintable of it', async () => {
    const bodies: unknown[] = [{ errors: [{ code: 'X', message: 'a\u001b[2Jb\r\nc' }] }, { errors: [] }, { errors: 'x' }, [], null, 'text', { errors: [{ message: 'y'.repeat(10_000) }] }];
    for (const body of bodies) {
      registry.handler = (_, response) => sendJson(response, 404, body);
      const error: unknown = await client.fetchManifest(name()).catch((e: unknown) => e);
      expect(error).toEqual(failure('notFound', 'manifest-unknown'));
      expect(String(error)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(String(error).length).toBeLessThan(500);
    }
  });

  it('tries again while the registry is in trouble, and gives up in the end', async () => {
    let tries = 0;
    const { descriptor } = holding.image([Buffer.from('a')], { tag: 'latest' });
    registry.handler = (request, response) => (++tries < 4 ? sendJson(response, [500, 503, 429][tries - 1] ?? 500, {}) : holding.serve(request, response));
    expect((await client.fetchManifest(name())).descriptor).toEqual(descriptor);
    registry.handler = (_, response) => sendJson(response, 503, { errors: [{ message: 'maintenance' }] });
    registry.seen.length = 0;
    await expect(client.fetchManifest(name())).rejects.toThrow(failure('unavailable', 'registry-failed', 'status 503: maintenance'));
    expect(registry.seen).toHaveLength(5);
  });

  it('tries again after a connection that broke off', async () => {
    const { descriptor } = holding.image([Buffer.from('a')], { tag: 'latest' });
    let tries = 0;
    registry.handler = (request, response) => {
      if (++tries > 2) return holding.serve(request, response);
      if (tries === 2) response.write('half');
      setTimeout(() => response.destroy(), 5);
      return undefined;
    };
    expect((await client.fetchManifest(name())).descriptor).toEqual(descriptor);
    expect(tries).toBe(3);
  });

  it('waits as long as a 429 says', async () => {
    holding.image([Buffer.from('a')], { tag: 'latest' });
    registry.handler = (_, response) => {
      registry.handler = holding.serve;
      sendJson(response, 429, {}, { 'Retry-After': '1' });
    };
    const started = performance.now();
    await client.fetchManifest(name());
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  it('fails at once where a 429 asks for too much patience, and says how much', async () => {
    registry.handler = (_, response) => sendJson(response, 429, { errors: [{ code: 'TOOMANYREQUESTS', message: 'pull rate limit' }] }, { 'Retry-After': '3600' });
    const error: unknown = await client.fetchManifest(name()).catch((e: unknown) => e);
    expect(error).toEqual(failure('exhausted', 'rate-limited', 'log in for a higher limit: pull rate limit'));
    expect(error).toMatchObject({ details: { retryAfterMs: 3_600_000 } });
    expect(registry.seen).toHaveLength(1);
  });

  it('stops at the signal: before, while waiting for the answer, in the body, between tries', async () => {
    await expect(client.fetchManifest(name(), { signal: AbortSignal.abort() })).rejects.toThrow(failure('aborted', 'aborted'));
    expect(registry.seen).toEqual([]);
    const handlers: Handler[] = [
      () => undefined,
      (_, response) => void response.writeHead(200, { 'Content-Length': 100 }).write('half'),
      (_, response) => sendJson(response, 503, {}, { 'Retry-After': '30' }),
    ];
    for (const handler of handlers) {
      registry.handler = handler;
      registry.seen.length = 0;
      const giveUp = new AbortController();
      const fetching = client.fetchManifest(name(), { signal: giveUp.signal });
      await eventually(() => registry.seen).toHaveLength(1);
      setTimeout(() => giveUp.abort(), 20);
      await expect(fetching).rejects.toThrow(failure('aborted', 'aborted'));
    }
  });

  it('has an end to its patience: for the answer, and for each piece of a body', async () => {
    await using hasty = quickClient({ timeouts: { responseMs: 50, idleMs: 50 }, retries: { attempts: 1 } });
    for (const handler of [() => undefined, (_, response) => void response.writeHead(200, { 'Content-Length': 100 }).write('half')] satisfies Handler[]) {
      registry.handler = handler;
      await expect(hasty.fetchManifest(name())).rejects.toThrow(failure('timeout', 'connection-timeout', 'did not answer within 0.05 s'));
    }
  });
});

describe('head', () => {
  it('tells what a tag names without getting it', async () => {
    const { descriptor } = holding.image([Buffer.from('a')], { tag: 'v1' });
    expect(await client.head(name(':v1'))).toEqual(descriptor);
    expect(registry.paths()).toEqual(['HEAD /v2/some/app/manifests/v1']);
  });

  it('gets it where the registry does not tell', async () => {
    const { descriptor } = holding.image([Buffer.from('a')]);
    registry.handler = always(holding.manifests.get(descriptor.digest)?.bytes ?? Buffer.alloc(0), { 'Content-Type': mediaTypes.manifest });
    expect(await client.head(name())).toEqual(descriptor);
    expect(registry.paths().map((path) => path.split(' ')[0])).toEqual(['HEAD', 'GET']);
  });

  it('fails like everything else', async () => {
    await expect(client.head(name(':nope'))).rejects.toThrow(failure('notFound', 'manifest-unknown'));
  });
});

describe('resolve', () => {
  it('takes the manifest for the platform from an index', async () => {
    const [amd64, arm64, v6] = [image('amd64'), image('arm64', 'linux/arm64'), image('v6', 'linux/arm/v6')];
    const root = holding.index([entry(amd64, 'linux/amd64'), entry(arm64, 'linux/arm64/v8'), entry(v6, 'linux/arm/v6')], 'latest');
    const resolved = await client.resolve(name(), { platform: parsePlatform('linux/arm64') });
    expect(resolved).toMatchObject({ root, descriptor: arm64, platform: parsePlatform('linux/arm64/v8'), reference: { tag: 'latest' } });
    expect(resolved.path.map(({ descriptor }) => descriptor.digest)).toEqual([root.digest, arm64.digest]);
    expect((await client.resolve(name(), { platform: parsePlatform('linux/arm/v7') })).descriptor).toEqual(v6);
  });

  it('lists the platforms there are where none fits', async () => {
    const attestation = { ...image('attestation'), platform: { os: 'unknown', architecture: 'unknown' }, annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } };
    holding.index([entry(image('a'), 'linux/amd64'), attestation, entry(image('b', 'linux/arm/v7'), 'linux/arm/v7')], 'latest');
    await expect(client.resolve(name(), { platform: parsePlatform('linux/s390x') })).rejects.toThrow(
      failure('notFound', 'no-matching-manifest', 'no matching manifest for linux/s390x in the manifest list entries: there are linux/amd64, linux/arm/v7'),
    );
  });

  it('takes an entry that says nothing of its platform, if nothing fits better', async () => {
    const [any, amd64] = [image('any'), image('amd64')];
    holding.index([entry(any), entry(amd64, 'linux/amd64')], 'latest');
    expect((await client.resolve(name(), { platform: parsePlatform('linux/amd64') })).descriptor).toEqual(amd64);
    expect((await client.resolve(name(), { platform: parsePlatform('linux/s390x') })).descriptor).toEqual(any);
  });

  it('follows an index in an index, but not for ever', async () => {
    const amd64 = image('amd64');
    let index = holding.index([entry(amd64, 'linux/amd64')], 'depth1');
    for (const depth of [2, 3, 4]) index = holding.index([entry(index)], `depth${depth}`);
    const platform = parsePlatform('linux/amd64');
    for (const depth of [1, 2]) expect((await client.resolve(name(`:depth${depth}`), { platform })).descriptor).toEqual(amd64);
    for (const depth of [3, 4]) await expect(client.resolve(name(`:depth${depth}`), { platform })).rejects.toThrow(failure('invalid', 'index-too-deep'));
  });

  it('checks what an index says of its entries', async () => {
    const good = image('good');
    const wrong: [object, string, string][] = [
      [{ size: good.size + 1 }, 'dataLoss', 'size-mismatch'],
      [{ mediaType: mediaTypes.dockerManifest }, 'invalid', 'media-type-mismatch'],
    ];
    for (const [change, kind, code] of wrong) {
      holding.index([{ ...good, ...change, platform: parsePlatform('linux/amd64') }], 'latest');
      await expect(client.resolve(name(), { platform: parsePlatform('linux/amd64') })).rejects.toThrow(failure(kind, code));
    }
  });

  it('reads documents above 64 KiB in a thread, with the same result', async () => {
    const amd64 = image('amd64');
    const padding = { annotations: { padding: 'x'.repeat(200_000) } };
    holding.index([{ ...entry(amd64, 'linux/amd64'), ...padding }], 'latest');
    expect((await client.resolve(name(), { platform: parsePlatform('linux/amd64') })).path[0].document).toMatchObject({ index: { manifests: [padding] } });
    holding.manifest(`{"schemaVersion":2,"x":"${'x'.repeat(100_000)}"}`, mediaTypes.manifest, 'bad');
    await expect(client.resolve(name(':bad'))).rejects.toThrow(failure('invalid', 'bad-manifest', 'config is missing'));
  });
});

describe('a client', () => {
  it('uses one connection again and again', async () => {
    holding.image([Buffer.from('a')], { tag: 'latest' });
    for (let i = 0; i < 5; i++) {
      await client.fetchManifest(name());
      await client.head(name());
      await client.fetchManifest(name(':nope')).catch(() => undefined);
    }
    // The first one was the attempt to speak TLS.
    expect(registry.connections).toBe(2);
  });

  it('says who it is', async () => {
    holding.image([Buffer.from('a')], { tag: 'latest' });
    await using named = quickClient({ userAgent: 'test/1 (x)' });
    await named.fetchManifest(name());
    await client.fetchManifest(name());
    expect(registry.seen.map(({ headers }) => headers['user-agent'])).toEqual(['test/1 (x)', 'gantry']);
  });

  it('says plainly why it reaches nobody', async () => {
    const { port } = registry;
    await registry[Symbol.asyncDispose]();
    await expect(client.fetchManifest(`127.0.0.1:${port}/a`)).rejects.toThrow(failure('unavailable', 'connection-refused', 'is the registry running there'));
    const lookup: NonNullable<Parameters<typeof quickClient>[0]>['lookup'] = (_, __, done) => done(Object.assign(new Error('x'), { code: 'ENOTFOUND' }), '', 4);
    await using lost = quickClient({ lookup });
    await expect(lost.fetchManifest('nowhere.test/a')).rejects.toThrow(failure('unavailable', 'host-not-found', 'cannot find the host nowhere.test'));
    registry = await ScriptedServer.start(holding.serve);
  });

  it('refuses work once it is closed, and ends what is under way without trying again', async () => {
    const { manifest } = holding.image([Buffer.alloc(100_000)], { tag: 'latest' });
    const layer = manifest.layers[0]!;
    const read = async (from: RegistryClient): Promise<void> => {
      for await (const block of from.fetchLayer(name(), layer)) expect(block.length).toBeGreaterThan(0);
    };
    const closed = quickClient();
    registry.handler = () => undefined;
    const pending = [closed.fetchManifest(name()), read(closed)].map((work) => expect(work).rejects.toThrow(failure('unavailable', 'client-closed')));
    await eventually(() => registry.seen).toHaveLength(2);
    await closed[Symbol.asyncDispose]();
    await Promise.all(pending);
    await expect(closed.fetchManifest(name())).rejects.toThrow(failure('unavailable', 'client-closed'));
    await expect(read(closed)).rejects.toThrow(failure('unavailable', 'client-closed'));
    expect(registry.seen).toHaveLength(2);
  });

  it('keeps no process alive, used and not closed', async () => {
    const { manifest } = holding.image([Buffer.alloc(100_000)], { tag: 'latest' });
    const script = `import { createRegistryClient } from '@gantry/registry-client';
      const client = createRegistryClient();
      for await (const block of client.fetchLayer('${name()}', ${JSON.stringify(manifest.layers[0])})) console.log(block.length);
      const done = performance.now();
      process.on('exit', () => console.log(performance.now() - done));`;
    const args = ['--conditions=@gantry/source', '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname, timeout: 25_000 });
    const [length, waited] = stdout.split('\n').map(Number);
    expect(length).toBe(100_000);
    // The server would keep the connection for 5 s.
    expect(waited).toBeLessThan(3000);
  });
});

import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RegistryClientOptions } from '../src/index.ts';
import { failure, MemorySink, quickClient } from './support/client.ts';
import { Holding, noise } from './support/images.ts';
import { MemoryBlobStore } from './support/memory-blob-store.ts';
import { pem, ScriptedServer, sendJson } from './support/scripted-server.ts';

let holding: Holding;

beforeEach(() => {
  holding = new Holding();
  holding.image([noise(1000)], { tag: 'latest' });
});

const toLoopback: NonNullable<RegistryClientOptions['lookup']> = (_, options, done) => {
  if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }]);
  else done(null, '127.0.0.1', 4);
};

describe('HTTPS and HTTP', () => {
  it('a loopback host is tried by HTTPS first, with any certificate, and then by HTTP', async () => {
    await using tls = await ScriptedServer.start(holding.serve, {});
    await using plain = await ScriptedServer.start(holding.serve);
    await using client = quickClient();
    for (const server of [tls, plain]) {
      await client.fetchManifest(`${server.host}/app`);
      await client.fetchManifest(`localhost:${server.port}/app`);
      expect(server.seen).toHaveLength(2);
    }
  });

  it('a name needs a certificate that is trusted, for that name', async () => {
    await using tls = await ScriptedServer.start(holding.serve, {});
    const [good, wrong] = [`registry.test:${tls.port}`, `other.test:${tls.port}`];
    await using stranger = quickClient({ lookup: toLoopback });
    await expect(stranger.fetchManifest(`${good}/app`)).rejects.toThrow(failure('unavailable', 'tls-certificate', 'configure its CA for this host'));
    await using client = quickClient({ lookup: toLoopback, certificates: { [good]: { ca: [pem.ca] }, [wrong]: { ca: pem.ca } } });
    await client.fetchManifest(`${good}/app`);
    await expect(client.fetchManifest(`${wrong}/app`)).rejects.toThrow(failure('unavailable', 'tls-certificate', 'ERR_TLS_CERT_ALTNAME_INVALID'));
    expect(tls.seen).toHaveLength(1);
  });

  it('a name that is listed as insecure takes any certificate, or none at all', async () => {
    await using tls = await ScriptedServer.start(holding.serve, {});
    await using plain = await ScriptedServer.start(holding.serve);
    for (const server of [tls, plain]) {
      const host = `registry.test:${server.port}`;
      await using client = quickClient({ lookup: toLoopback, insecureRegistries: [host] });
      await client.fetchManifest(`${host}/app`);
      expect(server.seen).toHaveLength(1);
    }
  });

  it('a loopback host whose CA is configured is held to it', async () => {
    await using plain = await ScriptedServer.start(holding.serve);
    await using tls = await ScriptedServer.start(holding.serve, {});
    await using client = quickClient({ certificates: { [plain.host]: { ca: pem.ca }, [tls.host]: { ca: pem.ca } } });
    await client.fetchManifest(`${tls.host}/app`);
    await expect(client.fetchManifest(`${plain.host}/app`)).rejects.toThrow(failure('unavailable', 'tls-failed'));
    expect(plain.seen).toEqual([]);
  });

  it('a client certificate is shown to the host it is for, and to no other', async () => {
    const asking = { ca: pem.ca, requestCert: true, rejectUnauthorized: false };
    const certificates: boolean[] = [];
    const open = async (): Promise<ScriptedServer> => {
      const server = await ScriptedServer.start(holding.serve, asking);
      server.onConnection((socket) => certificates.push(Object.keys(socket.getPeerCertificate()).length > 0));
      return server;
    };
    await using mine = await open();
    await using other = await open();
    await using client = quickClient({ certificates: { [mine.host]: { ca: pem.ca, cert: pem.clientCert, key: pem.clientKey } } });
    await client.fetchManifest(`${mine.host}/app`);
    await client.fetchManifest(`${other.host}/app`);
    expect(certificates).toEqual([true, false]);
  });
});

describe('mirrors', () => {
  const servers: ScriptedServer[] = [];
  let upstream: ScriptedServer;

  beforeEach(async () => {
    upstream = await ScriptedServer.start(holding.serve);
    servers.push(upstream);
  });

  afterEach(async () => {
    for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
  });

  const mirror = async (handler: ScriptedServer['handler']): Promise<ScriptedServer> => {
    const server = await ScriptedServer.start(handler);
    servers.push(server);
    return server;
  };

  it('are asked in order, the registry last; what answers serves', async () => {
    const [dead, empty, good] = [await mirror(holding.serve), await mirror((_, response) => sendJson(response, 404, {})), await mirror(holding.serve)];
    await dead[Symbol.asyncDispose]();
    servers.splice(servers.indexOf(dead), 1);
    await using client = quickClient({ mirrors: { [upstream.host]: [dead.url, empty.url, good.url] } });
    await client.pull(`${upstream.host}/app`, { layers: new MemorySink() });
    expect([empty.seen.length, good.seen.length, upstream.seen.length]).toEqual([3, 3, 0]);
  });

  it('are left for the registry when all of them fail, once each', async () => {
    const broken = await mirror((_, response) => sendJson(response, 503, {}));
    const closed = await mirror((_, response) => sendJson(response, 401, {}, { 'WWW-Authenticate': 'Basic realm="x"' }));
    await using client = quickClient({ mirrors: { [upstream.host]: [broken.url, closed.url] } });
    await client.fetchManifest(`${upstream.host}/app`);
    expect([broken.seen.length, closed.seen.length, upstream.seen.length]).toEqual([1, 1, 1]);
  });

  it('do not hide what the registry says in the end', async () => {
    const empty = await mirror((_, response) => sendJson(response, 404, {}));
    await using client = quickClient({ mirrors: { [upstream.host]: [empty.url] } });
    await expect(client.fetchManifest(`${upstream.host}/app:nope`)).rejects.toThrow(failure('notFound', 'manifest-unknown', 'manifest unknown'));
  });

  it('are no reason to go on after an abort', async () => {
    const silent = await mirror(() => undefined);
    await using client = quickClient({ mirrors: { [upstream.host]: [silent.url] } });
    await expect(client.fetchManifest(`${upstream.host}/app`, { signal: AbortSignal.timeout(100) })).rejects.toThrow(failure('aborted', 'aborted'));
    expect(upstream.seen).toEqual([]);
  });

  it('serve one host only', async () => {
    const other = await mirror(holding.serve);
    const unasked = await mirror(holding.serve);
    await using client = quickClient({ mirrors: { [upstream.host]: [unasked.url] } });
    await client.fetchManifest(`${other.host}/app`);
    expect(unasked.seen).toEqual([]);
  });

  it('get their own credentials, never those of the registry', async () => {
    const guarded = await mirror((request, response) =>
      request.headers.authorization === undefined ? sendJson(response, 401, {}, { 'WWW-Authenticate': 'Basic realm="x"' }) : holding.serve(request, response),
    );
    const asked: string[] = [];
    await using client = quickClient({
      mirrors: { [upstream.host]: [guarded.url] },
      credentials: (host) => {
        asked.push(host);
        return { username: host, password: 'x' };
      },
    });
    await client.fetchManifest(`${upstream.host}/app`);
    expect(asked).toEqual([guarded.host]);
    expect(guarded.seen.at(-1)?.headers.authorization).toBe(`Basic ${Buffer.from(`${guarded.host}:x`).toString('base64')}`);
  });

  it('that serve a damaged layer are passed by: the registry is asked for it', async () => {
    const { manifest } = holding.image([noise(500_000)], { tag: 'latest' });
    const { digest, size } = manifest.layers[0]!;
    const liar = await mirror((request, response) => (request.path.endsWith(digest) ? void response.writeHead(200, { 'Content-Length': size }).end(noise(size)) : holding.serve(request, response)));
    await using client = quickClient({ mirrors: { [upstream.host]: [liar.url] } });
    const sink = new MemorySink();
    const store = new MemoryBlobStore();
    await client.pull(`${upstream.host}/app`, { layers: sink, store });
    expect(sink.standing.size).toBe(1);
    expect(upstream.paths()).toEqual([`GET /v2/app/blobs/${digest}`]);
  });

  it('that break off in the middle are passed by: the registry sends the rest', async () => {
    const { manifest } = holding.image([noise(500_000)], { tag: 'latest' });
    const { digest, size } = manifest.layers[0]!;
    const breaking = await mirror((request, response) => {
      if (!request.path.endsWith(digest)) return holding.serve(request, response);
      response.writeHead(200, { 'Content-Length': size });
      response.write(holding.blobs.get(digest)!.subarray(0, 200_000), () => setTimeout(() => response.destroy(), 5));
      return undefined;
    });
    await using client = quickClient({ mirrors: { [upstream.host]: [breaking.url] } });
    const sink = new MemorySink();
    await client.pull(`${upstream.host}/app`, { layers: sink });
    expect(upstream.seen.map(({ headers }) => headers.range)).toEqual(['bytes=200000-']);
    expect(breaking.seen).toHaveLength(3);
  });
});

describe('a proxy', () => {
  /** Forwards plain requests and tunnels, and notes whom they are for. */
  async function startProxy(): Promise<{ url: string; asked: string[]; close: () => Promise<void> }> {
    const asked: string[] = [];
    const sockets = new Set<net.Socket>();
    const server = http.createServer((request, response) => {
      const url = new URL(request.url ?? '');
      asked.push(`${request.method ?? ''} ${url.host}`);
      request.pipe(http.request({ host: '127.0.0.1', port: url.port, path: url.pathname, method: request.method, headers: request.headers }, (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 0, answer.headers))));
    });
    server.on('connection', (socket) => sockets.add(socket));
    server.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url ?? ''} ${request.headers['proxy-authorization'] ?? ''}`.trim());
      const through = net.connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        through.pipe(socket).pipe(through);
      });
      for (const end of [through, socket]) end.on('error', () => through.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const close = async (): Promise<void> => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    };
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, close };
  }

  it('is used for what is not on this machine, by tunnel for HTTPS, with the peer verified through it', async () => {
    const proxy = await startProxy();
    await using tls = await ScriptedServer.start(holding.serve, {});
    await using plain = await ScriptedServer.start(holding.serve);
    const [secure, insecure] = [`registry.test:${tls.port}`, `insecure.test:${plain.port}`];
    const withUser = proxy.url.replace('http://', 'http://user:pw@');
    await using client = quickClient({ proxy: { http: proxy.url, https: withUser, except: 'direct.test' }, lookup: toLoopback, certificates: { [secure]: { ca: pem.ca } }, insecureRegistries: [insecure] });
    await client.fetchManifest(`${secure}/app`);
    expect(proxy.asked).toEqual([`CONNECT ${secure} Basic ${Buffer.from('user:pw').toString('base64')}`]);
    await client.fetchManifest(`${insecure}/app`);
    expect(proxy.asked.at(-1)).toBe(`GET ${insecure}`);
    const asked = proxy.asked.length;
    await client.fetchManifest(`${plain.host}/app`);
    await expect(client.fetchManifest(`direct.test:${tls.port}/app`)).rejects.toThrow(failure('unavailable', 'tls-certificate'));
    expect(proxy.asked).toHaveLength(asked);
    await proxy.close();
  });
});

import { GantryError } from '@gantry/errors';
import { mkdtempSync, rmSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApi, createApiServer, type ApiLogger, type Backends, type ServerLimits } from '../../src/index.ts';

type Script = { readonly [K in keyof Backends]?: Partial<Backends[K]> };

/** A backend that does what the test says, and refuses everything else by name. */
function scripted<T extends object>(name: string, methods: Partial<T>): T {
  return new Proxy(methods, {
    get: (target, method) =>
      Reflect.get(target, method) ??
      (method === 'auth' || method === 'diskUsage'
        ? undefined
        : async () => {
            throw new GantryError('internal', 'not-scripted', `the test did not expect ${name}.${String(method)}`);
          }),
  }) as T;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly json: unknown;
}

export interface TestServer extends AsyncDisposable {
  readonly path: string;
  readonly logged: readonly { readonly level: string; readonly fields: object; readonly message: string }[];
  call(method: string, url: string, o?: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }): Promise<Answer>;
  raw(): Socket;
}

export async function startServer(script: Script = {}, limits: Partial<ServerLimits> = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-test-api-'));
  const path = join(folder, 'api.sock');
  const logged: { level: string; fields: object; message: string }[] = [];
  const write = (level: string) => (fields: object, message: string) => void logged.push({ level, fields, message });
  const log: ApiLogger = { debug: write('debug'), warn: write('warn'), error: write('error') };
  const backends: Backends = {
    system: scripted('system', script.system ?? {}),
    images: scripted('images', script.images ?? {}),
    containers: scripted('containers', script.containers ?? {}),
    exec: scripted('exec', script.exec ?? {}),
    networks: scripted('networks', script.networks ?? {}),
    volumes: scripted('volumes', script.volumes ?? {}),
  };
  const server = createApiServer(createApi({ backends, product: { name: 'Gantry', version: '0.1.0' }, log }), limits);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    logged,
    call: (method, url, o = {}) => call(path, method, url, o),
    raw: () => connect({ path, allowHalfOpen: true }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}

function call(socketPath: string, method: string, path: string, o: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }): Promise<Answer> {
  const body = o.body === undefined ? undefined : typeof o.body === 'string' ? o.body : JSON.stringify(o.body);
  const headers = { ...(body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }), ...o.headers };
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, method, path, headers, agent: false }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        let json: unknown;
        if (res.headers['content-type'] === 'application/json' && text.trimEnd().split('\n').length === 1 && text !== '') json = JSON.parse(text);
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text, json });
      });
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** Everything that a raw socket receives until `done` says so, or it ends. */
export function receive(socket: Socket, done: (text: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const finish = (): void => {
      socket.off('data', onData).off('end', finish).off('close', finish).off('error', finish);
      resolve(text);
    };
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (done(text)) finish();
    };
    socket.on('data', onData).on('end', finish).on('close', finish).on('error', finish);
  });
}

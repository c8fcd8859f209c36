import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface Seen {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export type Handler = (request: Seen, response: http.ServerResponse) => void | Promise<void>;

const fixture = (name: string): string => readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8');
export interface TestCertificates {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

export const pem: TestCertificates = { ca: fixture('ca.pem'), serverCert: fixture('server.pem'), serverKey: fixture('server.key'), clientCert: fixture('client.pem'), clientKey: fixture('client.key') };

/** An HTTP server on a free port of 127.0.0.1 that does what a test tells it, and remembers what it was asked. */
export class ScriptedServer implements AsyncDisposable {
  readonly seen: Seen[] = [];
  readonly port: number;
  /** Connections that were made, whatever was said over them. */
  connections = 0;
  handler: Handler;
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();
  readonly #scheme: string;

  private constructor(server: http.Server, port: number, scheme: string, handler: Handler) {
    this.#server = server;
    this.port = port;
    this.#scheme = scheme;
    this.handler = handler;
    server.on('connection', (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => void this.#answer(request, response));
  }

  static start(handler: Handler, tls?: https.ServerOptions): Promise<ScriptedServer> {
    return ScriptedServer.startAt(0, handler, tls);
  }

  static async startAt(port: number, handler: Handler, tls?: https.ServerOptions): Promise<ScriptedServer> {
    const server = tls === undefined ? http.createServer() : https.createServer({ cert: pem.serverCert, key: pem.serverKey, ...tls });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return new ScriptedServer(server, (server.address() as AddressInfo).port, tls === undefined ? 'http' : 'https', handler);
  }

  get openConnections(): number {
    return this.#sockets.size;
  }


  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `${this.#scheme}://${this.host}`;
  }

  /** Everything that was received, to look for secrets in. */
  get transcript(): string {
    return JSON.stringify(this.seen);
  }

  paths(): string[] {
    return this.seen.map(({ method, path }) => `${method} ${path}`);
  }

  /** Calls back for each TLS connection. */
  onConnection(seen: (socket: TLSSocket) => void): void {
    this.#server.on('secureConnection', seen);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const seen = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body: Buffer.concat(parts).toString() };
    this.seen.push(seen);
    await this.handler(seen, response);
  }
}

export function sendJson(response: http.ServerResponse, status: number, value: unknown, headers: http.OutgoingHttpHeaders = {}): void {
  const body = JSON.stringify(value);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers });
  response.end(body);
}

export function redirect(response: http.ServerResponse, status: number, location: string): void {
  response.writeHead(status, { Location: location, 'Content-Length': 0 });
  response.end();
}

import { GantryError, toGantryError, toHttp } from '@gantry/errors';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { maxApiVersion } from '@gantry/api-types';
import type { Backends } from './backends.ts';
import { readJson, type BodySource } from './http/body.ts';
import type { ApiRequest } from './http/handler.ts';
import { acceptUpgrade, closeGently, isHijacked, serveConnection, takeOver } from './http/hijack.ts';
import { http } from './http/node-http.ts';
import { Query } from './http/query.ts';
import { empty, json, type Reply } from './http/reply.ts';
import { Router } from './http/router.ts';
import { send } from './http/send.ts';
import { upgradeBody } from './http/upgrade-body.ts';
import type { ApiLogger } from './logger.ts';
import { routes } from './routes.ts';
import { requestedVersion, splitVersion } from './version.ts';

export interface ApiOptions {
  readonly backends: Backends;
  /** For the header `Server`: `Gantry/0.1.0 (linux)`. */
  readonly product: { readonly name: string; readonly version: string };
  readonly log: ApiLogger;
}

/** Handlers for the events of any Node HTTP server, over any stream that it takes connections from. */
export interface Api {
  /** For `request`. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** For `upgrade`: without it, `attach` and `exec` work only for clients that do not ask for an upgrade. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** For `clientError`. */
  readonly clientError: (error: Error, socket: Duplex) => void;
}

const notFound = (): GantryError => new GantryError('notFound', 'page-not-found', 'page not found');

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new GantryError('invalid', 'bad-path', 'the path has a malformed percent encoding', { cause });
  }
}

/** The path and query of a request line, also in its absolute form. */
function splitUrl(url: string): readonly [path: string, query: string] {
  const local = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '');
  const mark = local.indexOf('?');
  return mark < 0 ? [local || '/', ''] : [local.slice(0, mark) || '/', local.slice(mark + 1)];
}

class ApiHandlers implements Api {
  private readonly router: Router;
  private readonly log: ApiLogger;
  private readonly headers: Readonly<Record<string, string>>;
  /** Sockets with a request that is not answered yet: nobody else may write to them. */
  private readonly busy = new WeakSet<Duplex>();

  constructor(options: ApiOptions) {
    this.router = new Router(routes(options.backends));
    this.log = options.log;
    this.headers = {
      'Api-Version': maxApiVersion,
      'Docker-Experimental': 'false',
      Ostype: 'linux',
      Server: `${options.product.name}/${options.product.version} (linux)`,
    };
  }

  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    // Bytes behind a request for a raw stream that look like another request are no request.
    if (isHijacked(socket)) {
      socket.destroy();
      return;
    }
    this.busy.add(socket);
    response.once('finish', () => dropUnread(request)).once('close', () => this.busy.delete(socket));
    const hijack = (headers: Readonly<Record<string, string>>): Duplex => takeOver(socket, response, headers);
    void this.serve(request, response, request, hijack);
  };

  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    if (head.length > 0) socket.unshift(head);
    const response = new http.ServerResponse(request);
    // Typed for sockets alone, though any duplex stream does.
    response.assignSocket(request.socket);
    response.setHeader('Connection', 'close');
    response.once('finish', () => {
      response.detachSocket(request.socket);
      closeGently(socket);
    });
    const hijack = (headers: Readonly<Record<string, string>>): Duplex => {
      response.detachSocket(request.socket);
      return acceptUpgrade(socket, headers);
    };
    void this.serve(request, response, upgradeBody(request.headers, socket), hijack);
  };

  readonly clientError = (error: Error, socket: Duplex): void => {
    if (isHijacked(socket)) return;
    this.log.debug({ error: error.message }, 'a connection failed, or was no HTTP');
    if (!socket.writable || isReset(error) || this.busy.has(socket)) {
      socket.destroy();
      return;
    }
    const [status, message] = isTimeout(error) ? ['408 Request Timeout', 'the request head did not arrive in time'] : ['400 Bad Request', 'malformed HTTP request'];
    const body = `${JSON.stringify({ message })}\n`;
    const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    // Whoever sends this does not get to hold the socket.
    socket.end(head + body, () => socket.destroy());
  };

  private async serve(
    request: IncomingMessage,
    response: ServerResponse,
    body: BodySource,
    hijack: (headers: Readonly<Record<string, string>>) => Duplex,
  ): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      const reply = await this.answer(request, body, gone.signal);
      if (reply.kind === 'hijack') await serveConnection(hijack({ ...this.headers, 'Content-Type': reply.contentType }), reply.serve);
      else await send(this.prepare(response), reply);
    } catch (error) {
      this.fail(request, response, error);
    }
  }

  private async answer(request: IncomingMessage, body: BodySource, signal: AbortSignal): Promise<Reply> {
    const method = request.method ?? 'GET';
    if (method === 'OPTIONS') return empty(200);
    const [rawPath, query] = splitUrl(request.url ?? '/');
    const { prefix, path } = splitVersion(decodePath(rawPath));
    const found = this.router.find(method, path);
    if (found === undefined) throw notFound();
    const call: ApiRequest = {
      method,
      path,
      version: requestedVersion(prefix),
      params: found.params,
      query: new Query(query),
      headers: request.headers,
      signal,
      json: () => readJson(request.headers, body),
    };
    return found.route.handle(call);
  }

  private prepare(response: ServerResponse): ServerResponse {
    for (const [name, value] of Object.entries(this.headers)) response.setHeader(name, value);
    return response;
  }

  private fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const known = toGantryError(error);
    const fields = { method: request.method, url: request.url, code: known.code, error: known.message };
    if (known.kind === 'internal' || known.kind === 'dataLoss') this.log.error({ ...fields, stack: stackOf(known) }, 'a request failed');
    else this.log.debug(fields, 'a request was refused');
    if (response.headersSent || response.socket === null) {
      // Too late for a status: what was written still arrives, and the missing end mark tells the client.
      response.socket?.end(() => response.destroy());
      return;
    }
    const { status, body } = toHttp(known);
    send(this.prepare(response), status === 304 ? empty(304) : json(body, status)).catch(() => response.destroy());
  }
}

const isTimeout = (error: Error): boolean => 'code' in error && error.code === 'ERR_HTTP_REQUEST_TIMEOUT';

const isReset = (error: Error): boolean => 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');

/** The place where it happened is that of the first cause. */
function stackOf(error: Error): string | undefined {
  return error.cause instanceof Error ? stackOf(error.cause) : error.stack;
}

/** A client may still be sending a body that nobody asked for: Node reads it off, but not for ever. */
function dropUnread(request: IncomingMessage): void {
  if (request.complete) return;
  const { socket } = request;
  const timer = setTimeout(() => socket.destroy(), 10_000).unref();
  request.once('close', () => clearTimeout(timer));
}

/**
 * The Engine API over `backends`. Importing and creating open nothing: hand the handlers to a server.
 *
 * @example
 * const api = createApi({ backends, product: { name: 'Gantry', version: '0.1.0' }, log });
 * createApiServer(api).listen('/run/my.sock');
 */
export function createApi(options: ApiOptions): Api {
  return new ApiHandlers(options);
}

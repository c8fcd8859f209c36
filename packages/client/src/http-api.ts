import { fromHttp, GantryError } from '@gantry/errors';
import type { ErrorResponse } from '@gantry/api-types';
import type { Connection } from './http1/connection.ts';
import type { Request, Response, Transport } from './http1/transport.ts';

/** A body that is read whole may not be larger. */
const maxWhole = 64 << 20;

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ApiRequest extends CallOptions {
  readonly query?: Query;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Uint8Array>;
}

/** What the groups of calls share: JSON bodies, queries, and errors as the engine meant them. Paths carry no version: the engine answers in its newest. */
export class HttpApi {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** @throws what the engine answered, by status and code. */
  async send(method: Request['method'], path: string, request: ApiRequest = {}): Promise<Response> {
    const response = await this.#transport.request(toWire(method, path, request));
    if (response.status >= 200 && response.status < 300) return response;
    throw await errorOf(response);
  }

  /** An answer without a body worth reading. */
  async ok(method: Request['method'], path: string, request: ApiRequest = {}): Promise<void> {
    const response = await this.send(method, path, request);
    await drain(response.body);
  }

  /** The type is the caller's word for what this path answers. */
  async json<T>(method: Request['method'], path: string, request: ApiRequest = {}): Promise<T> {
    const response = await this.send(method, path, request);
    return parse(await readWhole(response.body)) as T;
  }

  /** One JSON value a line, as they come. */
  async *lines<T>(method: Request['method'], path: string, request: ApiRequest = {}): AsyncGenerator<T, void, undefined> {
    const response = await this.send(method, path, request);
    let pending: Buffer[] = [];
    for await (const chunk of response.body) {
      let rest = chunk;
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
        const line = Buffer.concat([...pending, rest.subarray(0, end)]).toString().trim();
        pending = [];
        rest = rest.subarray(end + 1);
        if (line !== '') yield parse(line) as T;
      }
      if (rest.length > 0) pending.push(rest);
    }
    const last = Buffer.concat(pending).toString().trim();
    if (last !== '') yield parse(last) as T;
  }

  /** A request whose connection becomes the stream. */
  async hijack(path: string, request: ApiRequest = {}): Promise<{ readonly connection: Connection; readonly mediaType: string | undefined }> {
    const result = await this.#transport.hijack(toWire('POST', path, request));
    if ('response' in result) throw await errorOf(result.response);
    const { connection, headers } = result.hijacked;
    return { connection, mediaType: headers.get('content-type') };
  }
}

/** `{id}` in a path: an id, name or reference as the user wrote it. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

function toWire(method: Request['method'], path: string, { query, json, headers, body, signal }: ApiRequest): Request {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    if (typeof value === 'object') for (const item of value) search.append(name, item);
    else search.set(name, typeof value === 'boolean' ? (value ? '1' : '0') : String(value));
  }
  const text = search.toString();
  return {
    method,
    path: text === '' ? path : `${path}?${text}`,
    headers: json === undefined ? { ...headers } : { ...headers, 'content-type': 'application/json' },
    ...(json === undefined ? (body === undefined ? {} : { body }) : { body: Buffer.from(JSON.stringify(json)) }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** Reads a body whose content nobody wants, so that its connection can be used again. */
export async function drain(body: AsyncGenerator<Buffer, void, undefined>): Promise<void> {
  while ((await body.next()).done !== true);
}

export async function readWhole(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxWhole) throw new GantryError('exhausted', 'response-too-large', `The engine's answer is larger than ${maxWhole >> 20} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GantryError('unavailable', 'bad-response', 'The engine sent a malformed response: not JSON', { cause });
  }
}

async function errorOf(response: Response): Promise<GantryError> {
  const text = await readWhole(response.body);
  let body: Partial<ErrorResponse> = {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) body = value;
  } catch {
    body = { message: text.trim().slice(0, 500) };
  }
  const message = body.message === undefined || body.message === '' ? response.reason : body.message;
  return fromHttp(response.status, { message, ...(body.code === undefined ? {} : { code: body.code }) });
}

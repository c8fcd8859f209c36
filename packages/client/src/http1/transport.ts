import { GantryError, isGantryError } from '@gantry/errors';
import type { Endpoint } from '../endpoint.ts';
import { Connection } from './connection.ts';
import { readBody, readHead, type Head } from './response.ts';

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Path and query, as they go on the wire. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

export interface Response extends Head {
  /** Read it to the end or call its `return()`: until then the connection is taken. */
  readonly body: AsyncGenerator<Buffer, void, undefined>;
}

/** A connection that left HTTP behind: whatever is written goes to the peer as it is. */
export interface Hijacked extends Head {
  readonly connection: Connection;
}

/** Called once, when the very first connection fails; connecting is tried again when it resolves. */
export type OnUnreachable = (error: GantryError) => Promise<void>;

/** HTTP/1.1 to one engine, over as few connections as the calls in flight need. */
export class Transport {
  readonly endpoint: Endpoint;
  #onUnreachable: OnUnreachable | undefined;
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();

  constructor(endpoint: Endpoint, onUnreachable?: OnUnreachable) {
    this.endpoint = endpoint;
    this.#onUnreachable = onUnreachable;
  }

  async request(request: Request): Promise<Response> {
    const connection = await this.#take(request.signal);
    const release = abortable(connection, request.signal);
    try {
      await send(connection, request, {});
      const head = await readHead(connection);
      const body = readBody(connection, head, request.method, (reusable) => {
        release();
        this.#give(connection, reusable);
      });
      return { ...head, body: translateAbort(body, request.signal) };
    } catch (error) {
      release();
      this.#give(connection, false);
      throw request.signal?.aborted === true ? aborted(error) : error;
    }
  }

  /**
   * A request that turns its connection into a stream (`Upgrade: tcp`, as Docker's attach, exec and session do).
   * An answer other than 101 or 200 comes as a `Response`.
   */
  async hijack(request: Request): Promise<{ readonly hijacked: Hijacked } | { readonly response: Response }> {
    const connection = await this.#connect(request.signal);
    const release = abortable(connection, request.signal);
    try {
      await send(connection, request, { connection: 'Upgrade', upgrade: 'tcp' });
      const head = await readHead(connection);
      if (head.status === 101 || head.status === 200) return { hijacked: { ...head, connection } };
      return { response: { ...head, body: readBody(connection, head, request.method, () => connection.close()) } };
    } catch (error) {
      connection.close();
      throw request.signal?.aborted === true ? aborted(error) : error;
    } finally {
      release();
    }
  }

  close(): void {
    for (const connection of this.#open) connection.close();
    this.#open.clear();
    this.#idle.length = 0;
  }

  async #take(signal: AbortSignal | undefined): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.usable) {
        idle.socket.ref();
        return idle;
      }
      idle.close();
    }
    return this.#connect(signal);
  }

  async #connect(signal: AbortSignal | undefined): Promise<Connection> {
    const connection = await this.#openOnce(signal);
    this.#onUnreachable = undefined;
    this.#open.add(connection);
    connection.socket.once('close', () => this.#open.delete(connection));
    return connection;
  }

  async #openOnce(signal: AbortSignal | undefined): Promise<Connection> {
    try {
      return await Connection.open(this.endpoint, signal);
    } catch (error) {
      const onUnreachable = this.#onUnreachable;
      if (onUnreachable === undefined || !isGantryError(error) || error.kind !== 'unavailable') throw error;
      this.#onUnreachable = undefined;
      await onUnreachable(error);
      return Connection.open(this.endpoint, signal);
    }
  }

  #give(connection: Connection, reusable: boolean): void {
    if (!reusable || !connection.usable || this.#idle.length >= 4) {
      connection.close();
      return;
    }
    // An idle connection does not keep a process alive.
    connection.socket.unref();
    this.#idle.push(connection);
  }
}

const aborted = (cause: unknown): GantryError => new GantryError('aborted', 'aborted', 'The operation was aborted', { cause });

function abortable(connection: Connection, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return () => undefined;
  const onAbort = (): void => connection.close();
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}

async function* translateAbort(body: AsyncGenerator<Buffer, void, undefined>, signal: AbortSignal | undefined): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    throw signal?.aborted === true ? aborted(error) : error;
  }
}

async function send(connection: Connection, request: Request, extra: Readonly<Record<string, string>>): Promise<void> {
  const { body } = request;
  const headers: Record<string, string> = { host: 'gantry', ...request.headers, ...extra };
  if (body instanceof Uint8Array) headers['content-length'] = String(body.length);
  else if (body !== undefined) headers['transfer-encoding'] = 'chunked';
  else if (request.method === 'POST' || request.method === 'PUT') headers['content-length'] = '0';
  let head = `${request.method} ${request.path} HTTP/1.1\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (/[\r\n\0]/.test(value)) throw new GantryError('invalid', 'bad-header', `The header ${name} has a line break`);
    head += `${name}: ${value}\r\n`;
  }
  head += '\r\n';
  if (body === undefined) return connection.write(head);
  if (body instanceof Uint8Array) return connection.write(Buffer.concat([Buffer.from(head, 'latin1'), body]));
  await connection.write(head);
  for await (const chunk of body) {
    if (chunk.length === 0) continue;
    await connection.write(`${chunk.length.toString(16)}\r\n`);
    await connection.write(chunk);
    await connection.write('\r\n');
  }
  await connection.write('0\r\n\r\n');
}

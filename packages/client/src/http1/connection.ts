import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { GantryError } from '@gantry/errors';
import { formatEndpoint, type Endpoint } from '../endpoint.ts';
import { ByteQueue } from './byte-queue.ts';

/** Bytes held unread before the socket is paused. */
const highWater = 1 << 20;

/**
 * One connection to an engine: bytes in with back-pressure, bytes out with back-pressure. Over `node:net`, since the
 * first request of `node:http` costs a short-lived command 8 ms more.
 */
export class Connection {
  readonly socket: Socket;
  readonly #endpoint: Endpoint;
  readonly #queue = new ByteQueue();
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket, endpoint: Endpoint) {
    this.socket = socket;
    this.#endpoint = endpoint;
    socket.on('data', (chunk: Buffer) => {
      this.#queue.push(chunk);
      if (this.#queue.length > highWater) socket.pause();
      this.#notify();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#notify();
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#notify();
    });
    socket.on('error', (error) => {
      this.#error = error;
      this.#ended = true;
      this.#notify();
    });
  }

  /** @throws GantryError unavailable `cannot-connect`, aborted. */
  static async open(endpoint: Endpoint, signal?: AbortSignal): Promise<Connection> {
    const socket = endpoint.kind === 'unix' ? connect({ path: endpoint.path, allowHalfOpen: true }) : connect({ host: endpoint.host, port: endpoint.port, allowHalfOpen: true, noDelay: true });
    try {
      await once(socket, 'connect', signal === undefined ? {} : { signal });
    } catch (cause) {
      socket.destroy();
      if (signal?.aborted === true) throw new GantryError('aborted', 'aborted', 'The operation was aborted', { cause });
      throw cannotConnect(endpoint, cause);
    }
    return new Connection(socket, endpoint);
  }

  get usable(): boolean {
    return !this.#ended && !this.socket.destroyed && this.#queue.length === 0;
  }

  get buffered(): ByteQueue {
    return this.#queue;
  }

  /** Waits until there are more bytes than now; false when none will come. One waiter at a time. */
  async more(): Promise<boolean> {
    const before = this.#queue.length;
    if (this.socket.isPaused()) this.socket.resume();
    while (this.#queue.length <= before && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#queue.length > before) return true;
    if (this.#error !== undefined) throw this.lost(this.#error);
    return false;
  }

  /** Resolves when the socket takes more. */
  async write(data: Uint8Array | string): Promise<void> {
    if (this.socket.destroyed || this.socket.writableEnded) throw this.lost(this.#error);
    if (!this.socket.write(data)) await Promise.race([once(this.socket, 'drain'), once(this.socket, 'close')]);
  }

  /** Half-close: no more bytes go out, bytes still come in. */
  end(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
  }

  lost(cause: unknown): GantryError {
    return new GantryError('unavailable', 'connection-lost', `The connection to ${formatEndpoint(this.#endpoint)} was lost`, { cause });
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function cannotConnect(endpoint: Endpoint, cause: unknown): GantryError {
  const where = formatEndpoint(endpoint);
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const message = code === 'EACCES'
    ? `Permission denied while connecting to the engine at ${where}: run as root, or join the group that owns the socket`
    : `Cannot connect to the engine at ${where}. Is it running?`;
  return new GantryError('unavailable', 'cannot-connect', message, { cause, details: { host: where, ...(typeof code === 'string' ? { errno: code } : {}) } });
}

import { connect, type Socket } from 'node:net';
import { GantryError } from '@gantry/errors';
import { frameType, maxFrameLength } from './protocol.ts';

/** One frame as it came in. The payload may share memory with other frames of the same connection: do not write into it. */
export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Payload bytes held before the socket is told to wait. */
const highWater = 1024 * 1024;
/** Payloads up to this size are copied behind their header, which costs less than a second buffer in writev(2). */
const joinBelow = 8 * 1024;
/** Length of `sun_path`, less the final zero. */
const maxSocketPath = 107;
const headerLength = 5;
/** How long `close()` waits for what was sent to leave. */
const farewell = 1000;

interface Waiter {
  readonly resolve: (frame: Frame | undefined) => void;
  readonly reject: (error: GantryError) => void;
}

/**
 * Frames over a Unix socket, as PROTOCOL.md lays them out. Back-pressure works both ways: `send()` resolves when more may be
 * sent, and a peer whose frames nobody takes is made to wait after 1 MiB.
 */
export class FrameConnection implements AsyncDisposable {
  /** Resolves when the connection is closed, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #frames: Frame[] = [];
  #taken = 0;
  #held = 0;
  readonly #waiters: Waiter[] = [];
  readonly #header = Buffer.alloc(headerLength);
  #headerFilled = 0;
  #body: Buffer | undefined;
  #bodyFilled = 0;
  #ended = false;
  #failure: GantryError | undefined;
  #drained: Promise<void> | undefined;
  /** Payloads that were not copied and that the socket still reads from. */
  #lent = 0;
  #awaitReturn: (() => void) | undefined;

  /** @param socket Connected; the connection owns it from now on. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#feed(chunk);
    });
    socket.on('end', () => {
      if (this.#headerFilled > 0 || this.#body !== undefined) this.#fail(lost('it closed the connection within a frame'));
      else this.#finish();
    });
    socket.on('error', (cause) => {
      this.#fail(lost(cause.message, cause));
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#finish();
        resolve();
      });
    });
  }

  /** @throws GantryError notFound `native-not-listening`: nobody listens there. invalid `socket-path-too-long`. unavailable `native-lost`. */
  static async connect(path: string): Promise<FrameConnection> {
    if (Buffer.byteLength(path) > maxSocketPath) {
      throw new GantryError('invalid', 'socket-path-too-long', `A socket's path has at most ${maxSocketPath} bytes: choose a shorter folder than that of ${path}`, { details: { path } });
    }
    const socket = connect({ path });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (cause: NodeJS.ErrnoException) => {
        const absent = cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED';
        reject(
          absent
            ? new GantryError('notFound', 'native-not-listening', `Nothing listens on ${path}`, { cause, details: { path } })
            : new GantryError('unavailable', 'native-lost', `Cannot connect to ${path}: ${cause.message}`, { cause, details: { path } }),
        );
      });
    });
    socket.removeAllListeners('error');
    return new FrameConnection(socket);
  }

  /**
   * Sends one frame; frames leave in the order of the calls. The payload must not change until `returned()` resolves.
   *
   * @param returned Called when the payload may change: `returned()` for this one alone. Not called if it rejects.
   * @returns Resolves when the socket takes more: wait for it before sending bulk data.
   * @throws GantryError unavailable `native-lost`: the connection is closed. invalid `frame-too-long`.
   */
  send(type: number, payload: Uint8Array, returned?: () => void): Promise<void> {
    if (payload.byteLength >= maxFrameLength) {
      return Promise.reject(new GantryError('invalid', 'frame-too-long', `A frame holds at most ${maxFrameLength - 1} bytes, not ${payload.byteLength}`));
    }
    if (this.#failure !== undefined || this.#socket.destroyed || this.#socket.writableEnded) {
      return Promise.reject(this.#failure ?? lost('the connection is closed'));
    }
    const join = payload.byteLength <= joinBelow;
    const head = Buffer.allocUnsafe(join ? headerLength + payload.byteLength : headerLength);
    head.writeUInt32BE(payload.byteLength + 1, 0);
    head[4] = type;
    if (join) {
      head.set(payload, headerLength);
      returned?.();
      return this.#socket.write(head) ? done : this.#drain();
    }
    this.#socket.cork();
    this.#socket.write(head);
    this.#lent += 1;
    const more = this.#socket.write(payload, () => {
      returned?.();
      this.#giveBack();
    });
    this.#socket.uncork();
    return more ? done : this.#drain();
  }

  /** Resolves when the socket has no use any more for the payloads that were sent: they may change, whether they arrived or not. */
  async returned(): Promise<void> {
    while (this.#lent > 0) {
      await new Promise<void>((resolve) => {
        this.#awaitReturn = resolve;
      });
    }
  }

  /** Sends one JSON frame; see `send()`. */
  sendJson(value: object): Promise<void> {
    return this.send(frameType.json, Buffer.from(JSON.stringify(value)));
  }

  /**
   * The next frame; `undefined` once the peer has closed in good order and all its frames were taken.
   *
   * @throws GantryError unavailable `native-lost`: the connection broke. internal `native-protocol`: the peer sent what is no frame.
   */
  receive(): Promise<Frame | undefined> {
    const frame = this.#frames[this.#taken];
    if (frame !== undefined) {
      this.#taken += 1;
      if (this.#taken === this.#frames.length || this.#taken >= 1024) {
        this.#frames.splice(0, this.#taken);
        this.#taken = 0;
      }
      this.#held -= frame.payload.byteLength + headerLength;
      if (this.#socket.isPaused() && this.#held <= highWater / 2) this.#socket.resume();
      return Promise.resolve(frame);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** All frames to the end; leaving the loop early closes the connection. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Frame, void, void> {
    try {
      for (let frame = await this.receive(); frame !== undefined; frame = await this.receive()) yield frame;
    } finally {
      await this.close();
    }
  }

  /** Lets what was sent leave, for a second at most, and closes. Repeatable. */
  async close(): Promise<void> {
    if (this.#socket.writableLength === 0) this.#socket.destroy();
    if (!this.#socket.destroyed) {
      this.#socket.destroySoon();
      // A peer that reads nothing may not hold us.
      const timer = setTimeout(() => {
        this.#socket.destroy();
      }, farewell);
      await this.closed;
      clearTimeout(timer);
    }
    await this.closed;
  }

  /** Closes at once, dropping what has not left yet. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Lets the process end although this connection is open. */
  unref(): void {
    this.#socket.unref();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #giveBack(): void {
    this.#lent -= 1;
    if (this.#lent === 0) this.#awaitReturn?.();
  }

  #drain(): Promise<void> {
    this.#drained ??= new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        this.#drained = undefined;
        this.#socket.off('drain', settle);
        this.#socket.off('close', settle);
        if (this.#socket.destroyed) reject(this.#failure ?? lost('the connection is closed'));
        else resolve();
      };
      this.#socket.on('drain', settle);
      this.#socket.on('close', settle);
    });
    return this.#drained;
  }

  #feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body !== undefined) {
        const n = chunk.copy(this.#body, this.#bodyFilled, at);
        at += n;
        this.#bodyFilled += n;
        if (this.#bodyFilled === this.#body.length) {
          const payload = this.#body;
          this.#body = undefined;
          this.#emit({ type: byteAt(this.#header, 4), payload });
        }
        continue;
      }
      const n = chunk.copy(this.#header, this.#headerFilled, at, at + headerLength - this.#headerFilled);
      at += n;
      this.#headerFilled += n;
      if (this.#headerFilled < headerLength) return;
      this.#headerFilled = 0;
      const length = this.#header.readUInt32BE(0) - 1;
      if (length < 0 || length >= maxFrameLength) {
        this.#fail(new GantryError('internal', 'native-protocol', `The native side sent a frame of impossible length ${length + 1}`));
        return;
      }
      if (chunk.length - at >= length) {
        this.#emit({ type: byteAt(this.#header, 4), payload: chunk.subarray(at, at + length) });
        at += length;
      } else {
        this.#body = Buffer.allocUnsafeSlow(length);
        this.#bodyFilled = 0;
      }
    }
  }

  #emit(frame: Frame): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve(frame);
      return;
    }
    this.#frames.push(frame);
    this.#held += frame.payload.byteLength + headerLength;
    if (this.#held > highWater) this.#socket.pause();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const waiter of this.#waiters.splice(0)) {
      if (this.#failure === undefined) waiter.resolve(undefined);
      else waiter.reject(this.#failure);
    }
  }

  #fail(error: GantryError): void {
    this.#failure ??= error;
    this.#finish();
    this.#socket.destroy();
  }
}

const done: Promise<void> = Promise.resolve();

function lost(why: string, cause?: unknown): GantryError {
  return new GantryError('unavailable', 'native-lost', `The connection to the native side is lost: ${why}`, { cause });
}

function byteAt(buffer: Buffer, index: number): number {
  return buffer.readUInt8(index);
}

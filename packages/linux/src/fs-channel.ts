import { GantryError, toGantryError } from '@gantry/errors';
import type { FrameConnection } from './frames.ts';
import { fsError } from './fs-errors.ts';
import { frameType } from './protocol.ts';

/** How a request of the `fs` role was answered. */
export type FsAnswer =
  | { readonly kind: 'ok'; readonly value: unknown }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** The stream that was asked for more has none. */
  | { readonly kind: 'end' };

interface Waiter {
  readonly resolve: (answer: FsAnswer) => void;
  readonly reject: (error: GantryError) => void;
}

/** A failure of a batch, told before anybody waited for it. */
export type BatchFailed = (error: GantryError) => void;

/**
 * Requests and their answers over one connection of the `fs` role. What is answered is bounded by what was asked for, so
 * that frames are taken as they come.
 */
export class FsChannel {
  /** Resolves when the connection is closed, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #frames: FrameConnection;
  readonly #waiting = new Map<number, Waiter>();
  readonly #batches = new Map<number, BatchFailed>();
  #nextId = 2;
  #failure: GantryError | undefined;
  #reason: GantryError | undefined;

  /** @param frames Already handed over to the `fs` process; the channel owns it from now on. */
  constructor(frames: FrameConnection) {
    this.#frames = frames;
    this.closed = this.#read();
  }

  /** @throws GantryError what the native side answered; `unavailable` `fs-gone` if its process has ended. */
  async call(request: { readonly op: string } & Readonly<Record<string, unknown>>): Promise<FsAnswer> {
    if (this.#failure !== undefined) throw this.#failure;
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 2 : id + 1;
    const answer = new Promise<FsAnswer>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    // Sent at once, so that calls keep their order; a connection that breaks rejects what waits.
    this.#frames.sendJson({ id, ...request }).catch((error: unknown) => this.fail(toGantryError(error)));
    return answer;
  }

  /** Sends a frame of a batch; see `FrameConnection.send`. */
  async send(type: number, payload: Uint8Array, returned?: () => void): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.#frames.send(type, payload, returned);
  }

  /** Resolves when the bytes that were sent may change. */
  returned(): Promise<void> {
    return this.#frames.returned();
  }

  /** From now on `failed` is told of the first error in this batch, until `unwatch`. */
  watch(batch: number, failed: BatchFailed): void {
    this.#batches.set(batch, failed);
  }

  unwatch(batch: number): void {
    this.#batches.delete(batch);
  }

  /** Whether something was asked for that is not answered yet. */
  get busy(): boolean {
    return this.#waiting.size > 0;
  }

  /** The process is being ended by us: once its end is seen, everything that waits, and everything to come, rejects with this error. */
  ending(error: GantryError): void {
    this.#reason ??= error;
  }

  /** Makes everything that waits, and everything to come, reject with this error, and drops the connection. */
  fail(error: GantryError): void {
    if (this.#failure !== undefined) return;
    this.#failure = this.#reason ?? error;
    for (const waiter of this.#waiting.values()) waiter.reject(this.#failure);
    this.#waiting.clear();
    for (const failed of this.#batches.values()) failed(this.#failure);
    this.#batches.clear();
    this.#frames.destroy();
  }

  async close(): Promise<void> {
    await this.#frames.close();
    await this.closed;
  }

  async #read(): Promise<void> {
    try {
      for await (const { type, payload } of this.#frames) this.#take(type, Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength));
      this.fail(new GantryError('unavailable', 'fs-gone', 'The process that serves this tree has ended: open the tree again'));
    } catch (error) {
      this.fail(toGantryError(error));
    }
    await this.#frames.closed;
  }

  #take(type: number, payload: Buffer): void {
    if (type === frameType.json) {
      this.#takeJson(JSON.parse(payload.toString()));
      return;
    }
    if ((type !== frameType.bulk && type !== frameType.bulkEnd) || payload.length < 4) throw protocol('a frame that does not belong here');
    const answer: FsAnswer = type === frameType.bulk ? { kind: 'bytes', bytes: payload.subarray(4) } : { kind: 'end' };
    this.#waiter(payload.readUInt32BE(0)).resolve(answer);
  }

  #takeJson(message: unknown): void {
    if (typeof message !== 'object' || message === null) throw protocol('JSON that is no object');
    if ('event' in message) {
      const error = 'error' in message ? message.error : undefined;
      if (message.event !== 'batch-error' || !('batch' in message) || typeof message.batch !== 'number') throw protocol('an unknown event');
      this.#batches.get(message.batch)?.(fsError(error, 'index' in message ? { index: message.index } : {}));
      return;
    }
    if (!('id' in message) || typeof message.id !== 'number') throw protocol('an answer without an id');
    const waiter = this.#waiter(message.id);
    if ('error' in message) waiter.reject(fsError(message.error, 'index' in message ? { index: message.index } : {}));
    else waiter.resolve({ kind: 'ok', value: 'ok' in message ? message.ok : undefined });
  }

  #waiter(id: number): Waiter {
    const waiter = this.#waiting.get(id);
    if (waiter === undefined) throw protocol('an answer to nothing');
    this.#waiting.delete(id);
    return waiter;
  }
}

function protocol(what: string): GantryError {
  return new GantryError('internal', 'native-protocol', `The native side sent ${what}`);
}

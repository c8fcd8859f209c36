import { GantryError, isGantryError, toGantryError } from '@gantry/errors';
import type { FsChannel } from './fs-channel.ts';
import type { FsBatch, FsCreateOptions, FsFileOptions, FsMeta, FsMkdirOptions, FsNode, FsParentOptions, FsPath } from './fs-types.ts';
import { BatchEncoder } from './fs-wire.ts';
import { frameType, maxFrameLength } from './protocol.ts';

/** Operations are sent once so many bytes of them are there. */
const flushAt = 128 * 1024;
/** Bytes of files up to this length are copied among the operations; longer ones go in a frame of their own, uncopied. */
const inlineBelow = 16 * 1024;
const largestData = maxFrameLength - 16;
/** An operation has to fit a frame, with its path and what was collected before it. */
const maxXattrs = 640 * 1024;

/** Names of at most 255 bytes: well below a frame. */
const keepAtOnce = 512;

const empty = new Uint8Array(0);
const opaqueValue = Buffer.from('y');

/** What the batches of one connection share. */
export interface BatchTurn {
  /** The batch that bulk frames belong to: the native side takes them for the last one named. */
  current: number;
  /** Those that sent what no barrier has confirmed. */
  readonly unconfirmed: Set<number>;
}

/** See `FsBatch`. */
export class FsBatchWriter implements FsBatch {
  readonly #channel: FsChannel;
  readonly #turn: BatchTurn;
  readonly #id: number;
  readonly #encoder = new BatchEncoder();
  #unsent = 0;
  #sending: Promise<void> = Promise.resolve();
  #failure: GantryError | undefined;
  #closed: Promise<void> | undefined;

  constructor(channel: FsChannel, turn: BatchTurn, id: number) {
    this.#channel = channel;
    this.#turn = turn;
    this.#id = id;
    channel.watch(id, (error) => {
      this.#failure ??= error;
    });
  }

  get queued(): number {
    return this.#encoder.length + this.#unsent;
  }

  mkdir(path: FsPath, meta: FsMeta, o?: FsMkdirOptions): void {
    this.#before(meta);
    this.#encoder.mkdir(path, meta, o);
    this.#sent();
  }

  file(path: FsPath, meta: FsMeta, data: Uint8Array, o?: FsFileOptions): void {
    if (data.byteLength < inlineBelow) {
      this.#before(meta);
      this.#encoder.file(path, meta, data, o);
      this.#sent();
      return;
    }
    this.fileBegin(path, meta, o);
    this.data(data);
    this.fileEnd();
  }

  fileBegin(path: FsPath, meta: FsMeta, o?: FsFileOptions): void {
    this.#before(meta);
    this.#encoder.file(path, meta, empty, { ...o, more: true });
    this.#sent();
  }

  data(bytes: Uint8Array): void {
    if (bytes.byteLength < inlineBelow) {
      this.#encoder.data(bytes);
      this.#sent();
      return;
    }
    this.#flush();
    // Another batch may have spoken since: this one has to name itself again.
    if (this.#turn.current !== this.#id) this.#sendOperations();
    for (let at = 0; at < bytes.byteLength; at += largestData) {
      this.#send(frameType.bulk, bytes.subarray(at, at + largestData));
    }
  }

  hole(bytes: number): void {
    this.#encoder.hole(bytes);
    this.#sent();
  }

  fileEnd(): void {
    this.#encoder.end();
    this.#sent();
  }

  hardlink(path: FsPath, target: FsPath, o?: FsCreateOptions): void {
    this.#encoder.hardlink(path, target, o);
    this.#sent();
  }

  symlink(path: FsPath, target: FsPath, meta: FsMeta, o?: FsCreateOptions): void {
    this.#before(meta);
    this.#encoder.symlink(path, typeof target === 'string' ? Buffer.from(target) : target, meta, o);
    this.#sent();
  }

  mknod(path: FsPath, node: FsNode, meta: FsMeta, o?: FsCreateOptions): void {
    this.#before(meta);
    this.#encoder.mknod(path, node, meta, o);
    this.#sent();
  }

  setxattr(path: FsPath, name: string, value: Uint8Array, o?: FsParentOptions): void {
    this.#encoder.setxattr(path, name, value, o);
    this.#sent();
  }

  chown(path: FsPath, uid: number, gid: number): void {
    this.#encoder.chown(path, uid, gid);
    this.#sent();
  }

  chmod(path: FsPath, mode: number): void {
    this.#encoder.chmod(path, mode);
    this.#sent();
  }

  utimes(path: FsPath, mtimeNs: bigint, o?: FsParentOptions): void {
    this.#encoder.utimes(path, mtimeNs, o);
    this.#sent();
  }

  remove(path: FsPath): void {
    this.#encoder.remove(path);
    this.#sent();
  }

  clear(path: FsPath, keep: readonly Uint8Array[]): void {
    for (let at = 0; at < keep.length; at += keepAtOnce) {
      this.#encoder.keep(keep.slice(at, at + keepAtOnce));
      this.#sent();
    }
    this.#encoder.clear(path);
    this.#sent();
  }

  rename(from: FsPath, to: FsPath): void {
    this.#encoder.rename(from, to);
    this.#sent();
  }

  whiteout(path: FsPath): void {
    this.mknod(path, { type: 'char', major: 0, minor: 0 }, { mode: 0, uid: 0, gid: 0 });
  }

  opaque(path: FsPath): void {
    this.setxattr(path, 'trusted.overlay.opaque', opaqueValue);
  }

  async drain(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.#sending;
    await this.#channel.returned();
    // It may have come while the sending was waited for.
    const failure = this.#known();
    if (failure !== undefined) throw failure;
  }

  async barrier(): Promise<void> {
    await this.#barrier(false);
  }

  close(): Promise<void> {
    this.#closed ??= this.#barrier(true).finally(() => this.#channel.unwatch(this.#id));
    return this.#closed;
  }

  async #barrier(close: boolean): Promise<void> {
    this.#flush();
    try {
      await this.#channel.call({ op: 'barrier', batch: this.#id, close });
      this.#turn.unconfirmed.delete(this.#id);
    } catch (error) {
      // The native side has forgotten it too; a lost connection stays lost.
      if (isGantryError(error) && 'index' in error.details) this.#turn.unconfirmed.delete(this.#id);
      throw error;
    } finally {
      this.#failure = undefined;
    }
  }

  #known(): GantryError | undefined {
    return this.#failure;
  }

  /** Attributes can be large: an operation that has them starts a frame of its own. */
  #before(meta: FsMeta): void {
    let bytes = 0;
    for (const [name, value] of meta.xattrs ?? []) bytes += name.length + value.byteLength + 6;
    if (bytes > maxXattrs) throw new GantryError('exhausted', 'fs-xattrs-too-long', `A file can be given at most ${maxXattrs} bytes of extended attributes, not ${bytes}`);
    if (bytes > flushAt) this.#flush();
  }

  #sent(): void {
    if (this.#encoder.length >= flushAt) this.#flush();
  }

  #flush(): void {
    if (this.#encoder.length > 0) this.#sendOperations();
  }

  #sendOperations(): void {
    const taken = this.#encoder.take(this.#id);
    this.#send(frameType.fsBatch, taken, () => {
      this.#encoder.recycle(taken);
    });
  }

  #send(type: number, payload: Uint8Array, returned?: () => void): void {
    // What comes after an error is not done anyway.
    if (this.#failure !== undefined) return;
    this.#turn.current = this.#id;
    this.#turn.unconfirmed.add(this.#id);
    this.#unsent += payload.byteLength;
    this.#sending = this.#channel.send(type, payload, returned).then(
      () => {
        this.#unsent -= payload.byteLength;
      },
      (error: unknown) => {
        this.#unsent -= payload.byteLength;
        this.#failure ??= toGantryError(error);
      },
    );
  }
}

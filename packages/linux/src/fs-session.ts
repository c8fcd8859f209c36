import { GantryError } from '@gantry/errors';
import type { FrameConnection } from './frames.ts';
import { FsBatchWriter, type BatchTurn } from './fs-batch.ts';
import { FsChannel, type FsAnswer } from './fs-channel.ts';
import { fsError } from './fs-errors.ts';
import { normalPath, printable } from './fs-path.ts';
import type {
  FsBatch,
  FsEntry,
  FsName,
  FsOpenOptions,
  FsOwner,
  FsPath,
  FsSession,
  FsStat,
  FsStatfs,
  FsUsage,
  FsWalkItem,
  FsWalkOptions,
  NativeEndpoint,
} from './fs-types.ts';
import { RecordReader } from './fs-records.ts';
import { frameType } from './protocol.ts';
import { dial } from './rpc.ts';

/** Answers of a stream asked for ahead of the reader: enough that both sides work at once. */
const ahead = 2;
const defaultMaxNames = 1_000_000;
/** Milliseconds for a killed process to be gone. */
const killTimeout = 10_000;

/**
 * A process confined to the tree `root`, forked by the zygote at `native`, with this session as its only client.
 *
 * @throws GantryError notFound `native-not-listening`: no zygote there. `notFound`, `conflict`: no such directory.
 * `aborted`: the signal fired. See `FsSession` for the rest.
 */
export async function openFsSession(native: NativeEndpoint, options: FsOpenOptions): Promise<FsSession> {
  refuseAborted(options.signal);
  const { frames } = await dial(native.socket, native.instance);
  try {
    return await startFsSession(frames, options);
  } catch (error) {
    frames.destroy();
    throw error;
  }
}

/** As `openFsSession`, over a connection that the zygote has greeted. */
export async function startFsSession(frames: FrameConnection, options: FsOpenOptions): Promise<FsSession> {
  const { signal } = options;
  refuseAborted(signal);
  const stop = (): void => frames.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await frames.sendJson({ id: 1, op: 'fs', umask: 0, ...tree(options) });
    const answer = await receive(frames);
    if (!('ok' in answer)) throw fsError('error' in answer ? answer.error : undefined);
    return new Session(new FsChannel(frames), field(answer.ok, 'pid'), signal);
  } catch (error) {
    throw signal?.aborted === true ? aborted(signal) : error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function tree({ root, mounts, readonly, idmap }: FsOpenOptions): object {
  const ranges = (list: readonly { readonly container: number; readonly host: number; readonly size: number }[]): number[][] => list.map((r) => [r.container, r.host, r.size]);
  return {
    root,
    readonly: readonly === true,
    mounts: mounts?.map((m) => ({ ...m, target: normalPath(m.target).toString() })) ?? [],
    ...(idmap === undefined ? {} : { idmap: { uid: ranges(idmap.uid), gid: ranges(idmap.gid) } }),
  };
}

async function receive(frames: FrameConnection): Promise<object> {
  const frame = await frames.receive();
  if (frame === undefined) throw new GantryError('unavailable', 'fs-gone', 'The native side closed the connection instead of opening the tree');
  const message: unknown = frame.type === frameType.json ? JSON.parse(Buffer.from(frame.payload).toString()) : undefined;
  if (typeof message !== 'object' || message === null) throw new GantryError('internal', 'native-protocol', 'The native side answered with what is no JSON object');
  return message;
}

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(signal);
}

function aborted(signal: AbortSignal): GantryError {
  return new GantryError('aborted', 'aborted', 'The operation was aborted', { cause: signal.reason });
}

class Session implements FsSession {
  readonly pid: number;
  readonly #channel: FsChannel;
  readonly #signal: AbortSignal | undefined;
  readonly #turn: BatchTurn = { current: 0, unconfirmed: new Set() };
  #nextStream = 1;
  #nextBatch = 2;

  constructor(channel: FsChannel, pid: number, signal: AbortSignal | undefined) {
    this.#channel = channel;
    this.pid = pid;
    this.#signal = signal;
    if (signal?.aborted === true) this.#abort();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  async stat(path: FsPath, o: { readonly follow?: boolean } = {}): Promise<FsStat> {
    const answer = await this.#channel.call({ op: 'stat', path: latin1(path), follow: o.follow === true });
    const item = new RecordReader(bytesOf(answer)).item();
    if (item.kind !== 'entry') throw unexpected();
    return item.entry;
  }

  async list(path: FsPath, o: { readonly max?: number; readonly follow?: boolean } = {}): Promise<FsName[]> {
    const names: FsName[] = [];
    for await (const chunk of this.#stream({ op: 'list', path: latin1(path), follow: o.follow === true, max: o.max ?? defaultMaxNames })) {
      for (const records = new RecordReader(chunk); !records.done; ) names.push(records.name());
    }
    return names;
  }

  async *walk(path: FsPath, o: FsWalkOptions = {}): AsyncGenerator<FsEntry, void, void> {
    for await (const item of this.#walk(path, o, false)) {
      if (item.kind === 'entry') yield item.entry;
    }
  }

  walkData(path: FsPath, o: FsWalkOptions = {}): AsyncGenerator<FsWalkItem, void, void> {
    return this.#walk(path, o, true);
  }

  async readFile(path: FsPath, o: { readonly max: number; readonly follow?: boolean }): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this.read(path, o)) {
      length += chunk.byteLength;
      if (length > o.max) throw new GantryError('exhausted', 'fs-file-too-long', `${printable(normalPath(path))} is longer than ${o.max} bytes`, { details: { max: o.max } });
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  read(path: FsPath, o: { readonly follow?: boolean; readonly offset?: number } = {}): AsyncGenerator<Uint8Array, void, void> {
    return this.#stream({ op: 'read', path: latin1(path), follow: o.follow === true, offset: o.offset ?? 0 });
  }

  async writeFile(path: FsPath, data: Uint8Array, o: FsOwner & { readonly sync?: boolean }): Promise<void> {
    const batch = this.batch();
    batch.file(path, o, data, { atomic: true, sync: o.sync === true });
    await batch.close();
  }

  async mkdir(path: FsPath, o: FsOwner & { readonly parents?: boolean }): Promise<void> {
    await this.#channel.call({ op: 'mkdir', path: latin1(path), mode: o.mode, uid: o.uid, gid: o.gid, parents: o.parents === true });
  }

  async symlink(path: FsPath, target: FsPath, o: { readonly uid: number; readonly gid: number }): Promise<void> {
    const text = Buffer.from(typeof target === 'string' ? Buffer.from(target) : target).toString('latin1');
    await this.#channel.call({ op: 'symlink', path: latin1(path), target: text, uid: o.uid, gid: o.gid });
  }

  async remove(path: FsPath): Promise<void> {
    await this.#channel.call({ op: 'remove', path: latin1(path) });
  }

  async rename(from: FsPath, to: FsPath, o: { readonly how?: 'replace' | 'noreplace' | 'exchange' } = {}): Promise<void> {
    await this.#channel.call({ op: 'rename', from: latin1(from), to: latin1(to), exchange: o.how === 'exchange', noreplace: o.how === 'noreplace' });
  }

  async sync(path: FsPath, mode: 'file' | 'dir' | 'tree'): Promise<void> {
    await this.#channel.call({ op: 'sync', path: latin1(path), mode });
  }

  async usage(path: FsPath): Promise<FsUsage> {
    const value = valueOf(await this.#channel.call({ op: 'usage', path: latin1(path) }));
    return { bytes: field(value, 'bytes'), inodes: field(value, 'inodes') };
  }

  async statfs(path: FsPath): Promise<FsStatfs> {
    const value = valueOf(await this.#channel.call({ op: 'statfs', path: latin1(path) }));
    return {
      type: field(value, 'type'),
      blockSize: field(value, 'blockSize'),
      blocks: field(value, 'blocks'),
      blocksFree: field(value, 'blocksFree'),
      blocksAvailable: field(value, 'blocksAvailable'),
      inodes: field(value, 'inodes'),
      inodesFree: field(value, 'inodesFree'),
      nameMax: field(value, 'nameMax'),
    };
  }

  async getxattr(path: FsPath, name: string): Promise<Buffer | null> {
    const value = valueOf(await this.#channel.call({ op: 'getxattr', path: latin1(path), name }));
    const found: unknown = Reflect.get(value, 'value');
    return typeof found === 'string' ? Buffer.from(found, 'latin1') : null;
  }

  async setxattr(path: FsPath, name: string, value: Uint8Array): Promise<void> {
    await this.#channel.call({ op: 'setxattr', path: latin1(path), name, value: Buffer.from(value).toString('latin1') });
  }

  async listxattr(path: FsPath): Promise<string[]> {
    const names: unknown = Reflect.get(valueOf(await this.#channel.call({ op: 'listxattr', path: latin1(path) })), 'names');
    if (!Array.isArray(names)) throw unexpected();
    return names.map(String).sort();
  }

  async copyTree(from: FsPath, to: FsPath, o: { readonly reflink?: 'auto' | 'never' } = {}): Promise<void> {
    await this.#channel.call({ op: 'copyTree', from: latin1(from), to: latin1(to), reflink: o.reflink ?? 'auto' });
  }

  batch(): FsBatch {
    const id = this.#nextBatch;
    this.#nextBatch += 1;
    return new FsBatchWriter(this.#channel, this.#turn, id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort);
    if (this.#channel.busy || this.#turn.unconfirmed.size > 0) await this.#kill(new GantryError('aborted', 'aborted', 'The tree was closed before the operation was done'));
    await this.#channel.close();
  }

  readonly #abort = (): void => {
    const signal = this.#signal;
    if (signal !== undefined) void this.#kill(aborted(signal));
  };

  /** Ends the process in the middle of what it does. What waits rejects once the process is gone, so that the tree is at rest then. */
  async #kill(error: GantryError): Promise<void> {
    this.#channel.ending(error);
    try {
      process.kill(this.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
    // A process that sits in a system call that cannot be interrupted, on a dead disk, is not waited for.
    const late = setTimeout(() => {
      this.#channel.fail(error);
    }, killTimeout);
    await this.#channel.closed;
    clearTimeout(late);
  }

  async *#walk(path: FsPath, o: FsWalkOptions, data: boolean): AsyncGenerator<FsWalkItem, void, void> {
    const exclude = o.exclude?.map(latin1) ?? [];
    for await (const chunk of this.#stream({ op: 'walk', path: latin1(path), data, xattrs: o.xattrs === true, exclude })) {
      for (const records = new RecordReader(chunk); !records.done; ) yield records.item();
    }
  }

  /** Opens a stream and pulls its pieces, two ahead of the reader. */
  async *#stream(open: { readonly op: string } & Readonly<Record<string, unknown>>): AsyncGenerator<Buffer, void, void> {
    const stream = this.#nextStream;
    this.#nextStream += 1;
    const next = (): Promise<FsAnswer> => {
      const answer = this.#channel.call({ op: 'next', stream });
      // Whoever awaits it sees the error; a reader that left does not.
      answer.catch(() => undefined);
      return answer;
    };
    const opened = this.#channel.call({ ...open, stream });
    opened.catch(() => undefined);
    const pieces = Array.from({ length: ahead }, next);
    let ended = false;
    try {
      await opened;
      for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
        const answer = await piece;
        if (answer.kind === 'end') {
          ended = true;
          return;
        }
        pieces.push(next());
        yield bytesOf(answer);
      }
    } catch (error) {
      ended = true;
      throw error;
    } finally {
      // A reader that left early: what it asked for ahead comes, and is dropped.
      if (!ended) await this.#channel.call({ op: 'close', stream }).catch(() => undefined);
    }
  }
}

function latin1(path: FsPath): string {
  return normalPath(path).toString('latin1');
}

function bytesOf(answer: FsAnswer): Buffer {
  if (answer.kind !== 'bytes') throw unexpected();
  return answer.bytes;
}

function valueOf(answer: FsAnswer): object {
  if (answer.kind !== 'ok' || typeof answer.value !== 'object' || answer.value === null) throw unexpected();
  return answer.value;
}

function field(value: unknown, name: string): number {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  if (typeof found !== 'number') throw unexpected();
  return found;
}

function unexpected(): GantryError {
  return new GantryError('internal', 'native-protocol', 'The native side answered in an unexpected form');
}

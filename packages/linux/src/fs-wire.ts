/**
 * Batches of operations as they go out to the `fs` role. All numbers are big-endian. `native/src/fs/wire.rs` is the other
 * side; `test/fs-wire.json` holds vectors that both are tested with.
 */
import { GantryError } from '@gantry/errors';
import { normalPath } from './fs-path.ts';
import type { FsFileOptions, FsMeta, FsMkdirOptions, FsNode, FsPath, FsXattrs } from './fs-types.ts';

const op = {
  mkdir: 1,
  file: 2,
  data: 3,
  hole: 4,
  end: 5,
  hardlink: 6,
  symlink: 7,
  mknod: 8,
  setxattr: 9,
  chown: 10,
  chmod: 11,
  utimes: 12,
  remove: 13,
  clear: 14,
  rename: 15,
  keep: 16,
} as const;

const flag = { keep: 1 << 2, follow: 1 << 3, clearXattrs: 1 << 4, times: 1 << 5, more: 1 << 6, atomic: 1 << 7, sync: 1 << 8 } as const;
const existing = { fail: 0, replace: 1, 'same-kind': 2 } as const;
const nodeKind = { char: 1, block: 2, fifo: 3 } as const;

type MakeOptions = FsMkdirOptions & FsFileOptions & { readonly more?: boolean };

const none: MakeOptions = {};
/** What a batch is sent at, and the largest usual operation behind it. */
const initialSize = 192 * 1024;
const maxSpare = 8;

/** Collects operations until they are taken as the payload of one frame. Grows as needed: the caller looks at `length`. */
export class BatchEncoder {
  #buffer: Buffer = Buffer.allocUnsafeSlow(initialSize);
  #at = 4;
  /** Buffers whose content has left. */
  readonly #spare: Buffer[] = [];

  /** Bytes of operations collected. */
  get length(): number {
    return this.#at - 4;
  }

  mkdir(path: FsPath, meta: FsMeta, o: FsMkdirOptions = none): void {
    this.#op(() => this.#make(op.mkdir, path, meta, o));
  }

  /** A file with its first bytes; with `more` it stays open for `data`, `hole` and `end`. */
  file(path: FsPath, meta: FsMeta, data: Uint8Array, o: MakeOptions = none): void {
    this.#op(() => {
      this.#make(op.file, path, meta, o);
      this.#long(data);
    });
  }

  data(bytes: Uint8Array): void {
    this.#u8(op.data);
    this.#long(bytes);
  }

  hole(bytes: number): void {
    this.#op(() => {
      this.#u8(op.hole);
      this.#room(8);
      this.#at = this.#buffer.writeBigUInt64BE(BigInt(bytes), this.#at);
    });
  }

  end(): void {
    this.#u8(op.end);
  }

  hardlink(path: FsPath, target: FsPath, o: FsMkdirOptions = none): void {
    this.#op(() => {
      this.#u8(op.hardlink);
      this.#u16(flagsOf(o, false));
      this.#short(normalPath(path));
      this.#short(normalPath(target));
    });
  }

  symlink(path: FsPath, target: Uint8Array, meta: FsMeta, o: FsMkdirOptions = none): void {
    this.#op(() => {
      this.#make(op.symlink, path, meta, o);
      this.#short(target);
    });
  }

  mknod(path: FsPath, node: FsNode, meta: FsMeta, o: FsMkdirOptions = none): void {
    this.#op(() => {
      this.#make(op.mknod, path, meta, o);
      this.#u8(nodeKind[node.type]);
      this.#u32(node.type === 'fifo' ? 0 : node.major);
      this.#u32(node.type === 'fifo' ? 0 : node.minor);
    });
  }

  setxattr(path: FsPath, name: string, value: Uint8Array, o: MakeOptions = none): void {
    this.#op(() => {
      this.#u8(op.setxattr);
      this.#u16(flagsOf(o, false));
      this.#short(normalPath(path));
      this.#short(Buffer.from(name, 'latin1'));
      this.#long(value);
    });
  }

  chown(path: FsPath, uid: number, gid: number): void {
    this.#op(() => {
      this.#u8(op.chown);
      this.#short(normalPath(path));
      this.#u32(uid);
      this.#u32(gid);
    });
  }

  chmod(path: FsPath, mode: number): void {
    this.#op(() => {
      this.#u8(op.chmod);
      this.#short(normalPath(path));
      this.#u16(mode);
    });
  }

  utimes(path: FsPath, mtimeNs: bigint, o: MakeOptions = none): void {
    this.#op(() => {
      this.#u8(op.utimes);
      this.#u16(flagsOf(o, false));
      this.#short(normalPath(path));
      this.#time(mtimeNs);
    });
  }

  remove(path: FsPath): void {
    this.#op(() => {
      this.#u8(op.remove);
      this.#short(normalPath(path));
    });
  }

  /** Names that the next `clear` spares. */
  keep(names: readonly Uint8Array[]): void {
    this.#op(() => {
      this.#u8(op.keep);
      this.#u32(names.length);
      for (const name of names) this.#short(name);
    });
  }

  clear(path: FsPath): void {
    this.#op(() => {
      this.#u8(op.clear);
      this.#short(normalPath(path));
    });
  }

  rename(from: FsPath, to: FsPath): void {
    this.#op(() => {
      this.#u8(op.rename);
      this.#short(normalPath(from));
      this.#short(normalPath(to));
    });
  }

  /** What was collected, with the number of its batch before it. The encoder starts anew. */
  take(batch: number): Buffer {
    const taken = this.#buffer.subarray(0, this.#at);
    taken.writeUInt32BE(batch, 0);
    this.#buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(initialSize);
    this.#at = 4;
    return taken;
  }

  /** Takes back what `take` returned, once nobody reads it any more. */
  recycle(taken: Buffer): void {
    if (taken.buffer.byteLength !== initialSize || this.#spare.length >= maxSpare) return;
    this.#spare.push(Buffer.from(taken.buffer, 0, initialSize));
  }

  /** Writes one operation, or nothing of it. */
  #op(write: () => void): void {
    const start = this.#at;
    try {
      write();
    } catch (error) {
      this.#at = start;
      if (!(error instanceof RangeError)) throw error;
      throw new GantryError('invalid', 'fs-value', `A file cannot be given this: ${error.message}`, { cause: error });
    }
  }

  #make(code: number, path: FsPath, meta: FsMeta, o: MakeOptions): void {
    this.#u8(code);
    this.#u16(flagsOf(o, meta.mtimeNs !== undefined));
    this.#short(normalPath(path));
    this.#u16(meta.mode);
    this.#u32(meta.uid);
    this.#u32(meta.gid);
    if (meta.mtimeNs !== undefined) this.#time(meta.mtimeNs);
    this.#u16(meta.xattrs?.size ?? 0);
    if (meta.xattrs !== undefined) this.#xattrs(meta.xattrs);
  }

  #xattrs(xattrs: FsXattrs): void {
    for (const [name, value] of xattrs) {
      this.#short(Buffer.from(name, 'latin1'));
      this.#long(value);
    }
  }

  #time(ns: bigint): void {
    this.#room(12);
    let seconds = ns / 1_000_000_000n;
    let rest = ns % 1_000_000_000n;
    if (rest < 0n) {
      seconds -= 1n;
      rest += 1_000_000_000n;
    }
    this.#at = this.#buffer.writeBigInt64BE(seconds, this.#at);
    this.#at = this.#buffer.writeUInt32BE(Number(rest), this.#at);
  }

  #u8(value: number): void {
    this.#room(1);
    this.#at = this.#buffer.writeUInt8(value, this.#at);
  }

  #u16(value: number): void {
    this.#room(2);
    this.#at = this.#buffer.writeUInt16BE(value, this.#at);
  }

  #u32(value: number): void {
    this.#room(4);
    this.#at = this.#buffer.writeUInt32BE(value, this.#at);
  }

  #short(bytes: Uint8Array): void {
    this.#u16(bytes.byteLength);
    this.#put(bytes);
  }

  #long(bytes: Uint8Array): void {
    this.#u32(bytes.byteLength);
    this.#put(bytes);
  }

  #put(bytes: Uint8Array): void {
    this.#room(bytes.byteLength);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

function flagsOf(o: MakeOptions, times: boolean): number {
  return (
    existing[o.existing ?? 'replace'] |
    (o.keep === true ? flag.keep : 0) |
    (o.followParents === true ? flag.follow : 0) |
    (o.clearXattrs === true ? flag.clearXattrs : 0) |
    (times ? flag.times : 0) |
    (o.more === true ? flag.more : 0) |
    (o.atomic === true ? flag.atomic : 0) |
    (o.sync === true ? flag.sync : 0)
  );
}

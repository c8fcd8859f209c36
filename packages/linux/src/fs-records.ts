/**
 * Records of files as they come in from the `fs` role. All numbers are big-endian. `native/src/fs/wire.rs` is the other
 * side; `test/fs-entries.json` holds vectors that both are tested with.
 */
import { GantryError } from '@gantry/errors';
import type { FsEntry, FsName, FsType, FsWalkItem, FsXattrs } from './fs-types.ts';

const typeOf: Readonly<Record<number, FsType>> = { 0o01: 'fifo', 0o02: 'char', 0o04: 'dir', 0o06: 'block', 0o10: 'file', 0o12: 'symlink', 0o14: 'socket' };

const record = { entry: 1, data: 2, hole: 3, end: 4, name: 5 } as const;

const noXattrs: FsXattrs = new Map();

/** Reads the records of one answer, which holds whole ones only. Their bytes are views of the answer. */
export class RecordReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** @throws GantryError internal `native-protocol` */
  item(): FsWalkItem {
    const kind = this.#u8();
    switch (kind) {
      case record.entry:
        return { kind: 'entry', entry: this.#entry() };
      case record.data:
        return { kind: 'data', data: this.#take(this.#u32()) };
      case record.hole:
        return { kind: 'hole', bytes: Number(this.#u64()) };
      case record.end:
        return { kind: 'end', changed: this.#u8() !== 0 };
      default:
        throw malformed(`record of kind ${kind}`);
    }
  }

  /** @throws GantryError internal `native-protocol` */
  name(): FsName {
    const kind = this.#u8();
    if (kind !== record.name) throw malformed(`record of kind ${kind}`);
    const type = this.#type();
    return { name: this.#short(), type };
  }

  #entry(): FsEntry {
    const type = this.#type();
    const mode = this.#u16();
    const uid = this.#u32();
    const gid = this.#u32();
    const nanoseconds = this.#u32();
    const nlink = this.#u32();
    const major = this.#u32();
    const minor = this.#u32();
    const size = Number(this.#u64());
    const ino = this.#u64();
    const dev = this.#u64();
    const blocks = Number(this.#u64());
    const mtimeNs = BigInt.asIntN(64, this.#u64()) * 1_000_000_000n + BigInt(nanoseconds);
    const path = this.#short();
    const link = this.#short();
    const linked = this.#u8() !== 0;
    const first = this.#short();
    const xattrs = this.#xattrs();
    const common = { path, mode, uid, gid, size, mtimeNs, nlink, ino, dev, blocks, xattrs, ...(linked ? { hardlink: first } : {}) };
    switch (type) {
      case 'symlink':
        return { ...common, type, link };
      case 'char':
      case 'block':
        return { ...common, type, major, minor };
      default:
        return { ...common, type };
    }
  }

  #xattrs(): FsXattrs {
    const count = this.#u16();
    if (count === 0) return noXattrs;
    const xattrs = new Map<string, Buffer>();
    for (let i = 0; i < count; i += 1) {
      const name = this.#short().toString('latin1');
      xattrs.set(name, this.#take(this.#u32()));
    }
    return xattrs;
  }

  #type(): FsType {
    const kind = this.#u8();
    const type = typeOf[kind];
    if (type === undefined) throw malformed(`file of kind ${kind}`);
    return type;
  }

  #u8(): number {
    return this.#bytes.readUInt8(this.#step(1));
  }

  #u16(): number {
    return this.#bytes.readUInt16BE(this.#step(2));
  }

  #u32(): number {
    return this.#bytes.readUInt32BE(this.#step(4));
  }

  #u64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#step(8));
  }

  #short(): Buffer {
    return this.#take(this.#u16());
  }

  #take(length: number): Buffer {
    const start = this.#step(length);
    return this.#bytes.subarray(start, start + length);
  }

  #step(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw malformed('record that ends too early');
    this.#at = start + length;
    return start;
  }
}

function malformed(what: string): GantryError {
  return new GantryError('internal', 'native-protocol', `The native side sent a ${what}`);
}

import type { FsFileOptions, FsMeta, FsMkdirOptions, FsNode } from '../src/fs-types.ts';
import type { BatchEncoder } from '../src/fs-wire.ts';

/** Metadata in a vector: nanoseconds in decimal, values of attributes in hexadecimal, names one character per byte. */
interface MetaVector {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs?: string;
  readonly xattrs?: Readonly<Record<string, string>>;
}

type Options = FsMkdirOptions & FsFileOptions & { readonly more?: boolean };

/** An operation of `fs-wire.json`, without its bytes. */
export type OpVector =
  | { readonly op: 'mkdir'; readonly path: string; readonly meta: MetaVector; readonly options: Options }
  | { readonly op: 'file'; readonly path: string; readonly meta: MetaVector; readonly data: string; readonly options: Options }
  | { readonly op: 'data'; readonly data: string }
  | { readonly op: 'hole'; readonly bytes: number }
  | { readonly op: 'end' }
  | { readonly op: 'hardlink'; readonly path: string; readonly target: string; readonly options: Options }
  | { readonly op: 'symlink'; readonly path: string; readonly target: string; readonly meta: MetaVector; readonly options: Options }
  | { readonly op: 'mknod'; readonly path: string; readonly node: FsNode; readonly meta: MetaVector; readonly options: Options }
  | { readonly op: 'setxattr'; readonly path: string; readonly name: string; readonly value: string; readonly options: Options }
  | { readonly op: 'chown'; readonly path: string; readonly uid: number; readonly gid: number }
  | { readonly op: 'chmod'; readonly path: string; readonly mode: number }
  | { readonly op: 'utimes'; readonly path: string; readonly mtimeNs: string; readonly options: Options }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'keep'; readonly names: readonly string[] }
  | { readonly op: 'clear'; readonly path: string }
  | { readonly op: 'rename'; readonly from: string; readonly to: string };

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

function metaOf(m: MetaVector): FsMeta {
  return {
    mode: m.mode,
    uid: m.uid,
    gid: m.gid,
    ...(m.mtimeNs === undefined ? {} : { mtimeNs: BigInt(m.mtimeNs) }),
    ...(m.xattrs === undefined ? {} : { xattrs: new Map(Object.entries(m.xattrs).map(([name, value]) => [name, hex(value)])) }),
  };
}

export function encodeOp(e: BatchEncoder, v: OpVector): void {
  switch (v.op) {
    case 'mkdir':
      return e.mkdir(bytes(v.path), metaOf(v.meta), v.options);
    case 'file':
      return e.file(bytes(v.path), metaOf(v.meta), hex(v.data), v.options);
    case 'data':
      return e.data(hex(v.data));
    case 'hole':
      return e.hole(v.bytes);
    case 'end':
      return e.end();
    case 'hardlink':
      return e.hardlink(bytes(v.path), bytes(v.target), v.options);
    case 'symlink':
      return e.symlink(bytes(v.path), bytes(v.target), metaOf(v.meta), v.options);
    case 'mknod':
      return e.mknod(bytes(v.path), v.node, metaOf(v.meta), v.options);
    case 'setxattr':
      return e.setxattr(bytes(v.path), v.name, hex(v.value), v.options);
    case 'chown':
      return e.chown(bytes(v.path), v.uid, v.gid);
    case 'chmod':
      return e.chmod(bytes(v.path), v.mode);
    case 'utimes':
      return e.utimes(bytes(v.path), BigInt(v.mtimeNs), v.options);
    case 'remove':
      return e.remove(bytes(v.path));
    case 'keep':
      return e.keep(v.names.map(bytes));
    case 'clear':
      return e.clear(bytes(v.path));
    case 'rename':
      return e.rename(bytes(v.from), bytes(v.to));
  }
}

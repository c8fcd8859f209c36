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
      { e.mkdir(bytes(v.path), metaOf(v.meta), v.options); return; }
    case 'file':
      { e.file(bytes(v.path), metaOf(v.meta), hex(v.data), v.options); return; }
    case 'data':
      { e.data(hex(v.data)); return; }
    case 'hole':
      { e.hole(v.bytes); return; }
    case 'end':
      { e.end(); return; }
    case 'hardlink':
      { e.hardlink(bytes(v.path), bytes(v.target), v.options); return; }
    case 'symlink':
      { e.symlink(bytes(v.path), bytes(v.target), metaOf(v.meta), v.options); return; }
    case 'mknod':
      { e.mknod(bytes(v.path), v.node, metaOf(v.meta), v.options); return; }
    case 'setxattr':
      { e.setxattr(bytes(v.path), v.name, hex(v.value), v.options); return; }
    case 'chown':
      { e.chown(bytes(v.path), v.uid, v.gid); return; }
    case 'chmod':
      { e.chmod(bytes(v.path), v.mode); return; }
    case 'utimes':
      { e.utimes(bytes(v.path), BigInt(v.mtimeNs), v.options); return; }
    case 'remove':
      { e.remove(bytes(v.path)); return; }
    case 'keep':
      { e.keep(v.names.map(bytes)); return; }
    case 'clear':
      { e.clear(bytes(v.path)); return; }
    case 'rename':
      { e.rename(bytes(v.from), bytes(v.to)); return; }
  }
}

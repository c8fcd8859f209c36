import { GantryError } from '@gantry/errors';
import { openFsSession, type FsEntry, type FsWalkItem } from '@gantry/linux';
import { encodeHeader, tarEnd, tarPadding } from './tar-encode.ts';
import { quoted } from './tar-error.ts';
import { TarOutput } from './tar-output.ts';
import type { TarHeader } from './tar-types.ts';
import type { DiffTask, PackTask } from './tasks.ts';
import { opaqueMarker, whiteoutName } from './whiteout.ts';

export interface PackContext {
  readonly signal: AbortSignal;
  readonly emit: (chunk: Buffer) => Promise<void>;
}

/** Names an entry of the walk in the archive; `undefined`: it is not told. */
type Naming = (path: Buffer) => Buffer | undefined;

const overlayPrefix = 'trusted.overlay.';
/** Set by the kernel of the machine that the tree lies on, and of no meaning elsewhere. */
const machineXattrs: ReadonlySet<string> = new Set(['security.selinux', 'security.ima', 'security.evm', 'security.SMACK64']);
const slash = Buffer.from('/');

/** `packTree`, in the worker. */
export async function runPack(task: PackTask, context: PackContext): Promise<null> {
  const { path, rename } = task;
  await using session = await openFsSession(task.native, { ...tree(task), readonly: true, signal: context.signal });
  const top = await session.stat(path);
  const name = rename === undefined ? (top.type === 'dir' ? undefined : baseName(path)) : Buffer.from(rename);
  const output = new TarOutput(context.emit);
  await pack(session.walkData(path, { xattrs: true, exclude: task.exclude }), naming(name), output, (entry, at) => [headerOf(entry, at, xattrsOf(entry))]);
  return null;
}

/** `diffTree`, in the worker. */
export async function runDiff(task: DiffTask, context: PackContext): Promise<null> {
  await using session = await openFsSession(task.native, { ...tree(task), readonly: true, signal: context.signal });
  const output = new TarOutput(context.emit);
  await pack(session.walkData(task.path, { xattrs: true }), (path) => path, output, diffHeaders);
  return null;
}

async function pack(items: AsyncIterable<FsWalkItem>, name: Naming, output: TarOutput, headers: (entry: FsEntry, at: Buffer) => TarHeader[]): Promise<void> {
  let size = 0;
  for await (const item of items) {
    switch (item.kind) {
      case 'entry': {
        const at = name(item.entry.path);
        // A socket is nothing without the process that listens on it.
        if (at === undefined || item.entry.type === 'socket') break;
        size = item.entry.size;
        const link = item.entry.hardlink === undefined ? undefined : name(item.entry.hardlink);
        const entry = link === undefined ? item.entry : { ...item.entry, hardlink: link };
        for (const header of headers(entry, at)) await output.write(encodeHeader(header));
        break;
      }
      case 'data':
        await output.write(item.data);
        break;
      case 'hole':
        await output.zeros(item.bytes);
        break;
      case 'end':
        await output.write(tarPadding(size));
    }
  }
  await output.write(tarEnd);
  await output.flush();
}

/** Below a name, or without the walk's root. */
function naming(top: Buffer | undefined): Naming {
  if (top === undefined) return (path) => (path.length === 0 ? undefined : path);
  return (path) => (path.length === 0 ? top : Buffer.concat([top, slash, path]));
}

/** One entry of an overlay's upper directory as a layer's tar has it. */
function diffHeaders(entry: FsEntry, at: Buffer): TarHeader[] {
  if (entry.type === 'char' && entry.major === 0 && entry.minor === 0) {
    const cut = at.lastIndexOf(slash) + 1;
    const name = Buffer.concat([at.subarray(0, cut), Buffer.from(whiteoutName('')), at.subarray(cut)]);
    return [marker(name)];
  }
  for (const name of ['redirect', 'metacopy']) {
    if (entry.xattrs.has(overlayPrefix + name)) {
      throw new GantryError('invalid', 'layer-not-plain', `The layer cannot be told as a tar: ${quoted(at)} has the overlayfs mark "${name}". Mount with redirect_dir=off and metacopy=off`, { details: { path: at.toString() } });
    }
  }
  const header = headerOf(entry, at, xattrsOf(entry));
  if (entry.type !== 'dir' || entry.xattrs.get(`${overlayPrefix}opaque`)?.[0] !== 0x79) return [header];
  const inside = at.length === 0 ? Buffer.from(opaqueMarker) : Buffer.concat([at, slash, Buffer.from(opaqueMarker)]);
  return [header, marker(inside)];
}

/** Whoever made it and when means nothing: equal changes are to give equal bytes. */
function marker(path: Buffer): TarHeader {
  return { type: 'file', path, mode: 0o600, uid: 0, gid: 0, mtimeNs: 0n, xattrs: new Map(), size: 0 };
}

function headerOf(entry: FsEntry, path: Buffer, xattrs: ReadonlyMap<string, Buffer>): TarHeader {
  const { mode, uid, gid, mtimeNs } = entry;
  const meta = { path, mode, uid, gid, mtimeNs, xattrs };
  if (entry.hardlink !== undefined) return { ...meta, type: 'hardlink', link: entry.hardlink };
  switch (entry.type) {
    case 'file':
      return { ...meta, type: 'file', size: entry.size };
    case 'symlink':
      return { ...meta, type: 'symlink', link: entry.link };
    case 'char':
    case 'block':
      return { ...meta, type: entry.type, major: entry.major, minor: entry.minor };
    case 'dir':
      return { ...meta, type: 'dir' };
    default:
      return { ...meta, type: 'fifo' };
  }
}

function xattrsOf(entry: FsEntry): ReadonlyMap<string, Buffer> {
  const kept = new Map<string, Buffer>();
  for (const [name, value] of entry.xattrs) {
    if (!name.startsWith(overlayPrefix) && !machineXattrs.has(name)) kept.set(name, Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  }
  return kept;
}

/** The last part of a path; one character per byte, so that nothing is lost. */
function baseName(path: Uint8Array): Buffer {
  const parts = Buffer.from(path).toString('latin1').split('/');
  return Buffer.from(parts.findLast((part) => part !== '' && part !== '.') ?? '', 'latin1');
}

function tree({ root, mounts, idmap }: PackTask | DiffTask): Pick<PackTask, 'root' | 'mounts' | 'idmap'> {
  return { root, ...(mounts === undefined ? {} : { mounts }), ...(idmap === undefined ? {} : { idmap }) };
}

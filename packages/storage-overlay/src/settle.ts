import { GantryError, isGantryError } from '@gantry/errors';
import type { FsSession, FsStat, FsXattrs } from '@gantry/linux';
import { copyUp, xattrsOf } from './copy-up.ts';
import type { Notes } from './notes.ts';

/** Mode, owner, time and xattrs of a folder. */
export interface FolderMeta {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly xattrs: FsXattrs;
}

/**
 * Does what a tar left open, in a session with the layer's tree as `own` and the merged parents as `parent`: hard links to
 * the parents' files, each of which is copied up first, and the attributes of folders that the tar only implies. What an
 * earlier run did, over other parents, is done anew.
 *
 * @throws GantryError invalid `link-target-missing`
 */
export async function settle(session: FsSession, notes: Notes): Promise<void> {
  const folders = new Set(notes.implied);
  for (const [target, paths] of byTarget(notes)) await link(session, target, paths, folders);
  // After the links, which change the times of folders.
  for (const path of [...folders].sort()) await inherit(session, path);
}

function byTarget(notes: Notes): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const [path, target] of notes.links) out.set(target, [...(out.get(target) ?? []), path]);
  return out;
}

async function link(session: FsSession, target: string, paths: readonly string[], folders: Set<string>): Promise<void> {
  const source = await lookUp(session, join('parent', target));
  const own = await lookUp(session, join('own', target));
  if (source === undefined || source.type === 'dir' || source.type === 'socket' || (own !== undefined && isWhiteout(own))) {
    throw new GantryError('invalid', 'link-target-missing', `the layer has a hard link ${shown(paths[0] ?? '')} to ${shown(target)}, which is in neither it nor its parent: the image is broken`);
  }
  await makeFolders(session, target, folders);
  await copyUp(session, join('parent', target), source, join('own', target));
  for (const path of paths) await makeFolders(session, path, folders);
  const batch = session.batch();
  for (const path of paths) batch.hardlink(join('own', path), join('own', target));
  await batch.close();
}

/** Folders on the way to a file that do not exist yet; they are implied too. */
async function makeFolders(session: FsSession, path: string, folders: Set<string>): Promise<void> {
  const parts = path.split('/').slice(0, -1);
  for (let n = 1; n <= parts.length; n++) {
    const folder = parts.slice(0, n).join('/');
    if ((await lookUp(session, join('own', folder))) !== undefined) continue;
    await session.mkdir(join('own', folder), { mode: 0o755, uid: 0, gid: 0 });
    folders.add(folder);
  }
}

/** Takes the attributes of the parents' folder of that name, if there is one. */
async function inherit(session: FsSession, path: string): Promise<void> {
  const meta = await folderMeta(session, join('parent', path));
  if (meta === undefined) return;
  const batch = session.batch();
  const own = join('own', path);
  for (const [name, value] of meta.xattrs) batch.setxattr(own, name, value);
  batch.chown(own, meta.uid, meta.gid);
  batch.chmod(own, meta.mode);
  batch.utimes(own, meta.mtimeNs);
  await batch.close();
}

/** `undefined`: no folder of that name. */
export async function folderMeta(session: FsSession, path: Uint8Array): Promise<FolderMeta | undefined> {
  const stat = await lookUp(session, path);
  if (stat?.type !== 'dir') return undefined;
  return { mode: stat.mode, uid: stat.uid, gid: stat.gid, mtimeNs: stat.mtimeNs, xattrs: await xattrsOf(session, path) };
}

/** `undefined`: there is nothing, or a component of the path is no folder. */
export async function lookUp(session: FsSession, path: Uint8Array): Promise<FsStat | undefined> {
  try {
    return await session.stat(path);
  } catch (e) {
    if (isGantryError(e) && (e.kind === 'notFound' || e.kind === 'invalid' || e.details['errno'] === 'ENOTDIR')) return undefined;
    throw e;
  }
}

/** How overlayfs marks a deleted name (kernel documentation, overlayfs, "whiteouts and opaque directories"). */
export function isWhiteout(stat: FsStat): boolean {
  return stat.type === 'char' && stat.major === 0 && stat.minor === 0;
}

/** A path in a session: names are bytes. */
export function join(tree: 'own' | 'parent', path: string): Buffer {
  return Buffer.from(path === '' ? tree : `${tree}/${path}`, 'latin1');
}

function shown(path: string): string {
  return JSON.stringify(Buffer.from(path, 'latin1').toString());
}

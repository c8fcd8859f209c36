import type { FsBatch, FsEntry, FsSession } from '@gantry/linux';
import { comparePaths, type Difference } from './compare.ts';

/**
 * Builds, in an empty folder, the tree that an overlay's upper layer would have: what was added or changed, the folders
 * on the way to it, and a whiteout for what was deleted. Files are hard links to the originals: nothing is copied.
 *
 * @param tree Where the originals are, in the session.
 * @param to The empty folder, on the same file system.
 * @param folders All folders of `tree` by path, filled as the walk passes them: those on the way are among them.
 */
export async function gather(session: FsSession, tree: string, to: string, found: AsyncIterable<Difference>, folders: ReadonlyMap<string, FsEntry>): Promise<void> {
  const batch = session.batch();
  const made = new Map<string, FsEntry>();
  const linked = new Set<string>();
  const at = (path: Buffer): Buffer => Buffer.concat([Buffer.from(`${to}/`), path]);
  const from = (path: Buffer): Buffer => Buffer.concat([Buffer.from(`${tree}/`), path]);
  const link = (path: Buffer): void => {
    const name = path.toString('latin1');
    if (linked.has(name)) return;
    linked.add(name);
    makeWay(batch, path, at, folders, made);
    batch.hardlink(at(path), from(path));
  };

  for await (const difference of found) {
    const { path } = difference;
    if (difference.kind === 'delete') {
      makeWay(batch, path, at, folders, made);
      batch.whiteout(at(path));
    } else if (difference.entry.type === 'dir') {
      makeWay(batch, path, at, folders, made);
      makeFolder(batch, difference.entry, at, made);
    } else {
      // A new name of an old file: only together do they say that they are one.
      if (difference.entry.hardlink !== undefined) link(difference.entry.hardlink);
      link(path);
    }
    await batch.drain();
  }
  const root = folders.get('');
  if (root !== undefined) makeFolder(batch, root, at, made); // is there, and takes the attributes
  // Deepest first, since making names changes the time of the folder above.
  for (const entry of [...made.values()].sort((a, b) => comparePaths(b.path, a.path))) batch.utimes(at(entry.path), entry.mtimeNs);
  await batch.close();
}

function makeWay(batch: FsBatch, path: Buffer, at: (path: Buffer) => Buffer, folders: ReadonlyMap<string, FsEntry>, made: Map<string, FsEntry>): void {
  for (let slash = path.indexOf(0x2f); slash !== -1; slash = path.indexOf(0x2f, slash + 1)) {
    const folder = folders.get(path.toString('latin1', 0, slash));
    if (folder !== undefined) makeFolder(batch, folder, at, made);
  }
}

function makeFolder(batch: FsBatch, entry: FsEntry, at: (path: Buffer) => Buffer, made: Map<string, FsEntry>): void {
  const name = entry.path.toString('latin1');
  if (made.has(name)) return;
  made.set(name, entry);
  batch.mkdir(at(entry.path), { mode: entry.mode, uid: entry.uid, gid: entry.gid, xattrs: entry.xattrs });
}

/** Passes entries on, noting the folders among them. */
export async function* noteFolders(entries: AsyncIterable<FsEntry>, folders: Map<string, FsEntry>): AsyncGenerator<FsEntry, void, undefined> {
  for await (const entry of entries) {
    if (entry.type === 'dir') folders.set(entry.path.toString('latin1'), entry);
    yield entry;
  }
}

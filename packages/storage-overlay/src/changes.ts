import type { Change } from '@gantry/driver-api';
import type { FsEntry, FsSession, FsStat } from '@gantry/linux';
import { folderMeta, isWhiteout, join, lookUp } from './settle.ts';

/** Look-ups that are under way at the same time. */
const ahead = 128;

/**
 * What the upper tree `own` changes in the merged tree `parent`. That a folder is in the upper tree says only that
 * something below it changed: it is itself changed if its attributes differ; its time does when a name in it came or went.
 *
 * @param hasParent Without one everything is new.
 */
export async function* changesOf(session: FsSession, hasParent: boolean): AsyncGenerator<Change, void, undefined> {
  const hidden = new Hidden();
  for await (const entries of chunks(session.walk('own', { xattrs: true }))) {
    const before = await Promise.all(entries.map(async (e) => (hasParent ? await lookUp(session, join('parent', bytes(e))) : undefined)));
    for (const [i, entry] of entries.entries()) {
      if (entry.path.length > 0) yield* changesOfEntry(session, entry, before[i], hidden);
    }
  }
}

/** The folder that the walk is in, below which nothing of the parent is seen any more. */
class Hidden {
  #below: string | undefined;

  /** Whether the parent's folder of this name is hidden; the walk goes parents first. */
  enter(entry: FsEntry): boolean {
    const path = bytes(entry);
    if (this.#below !== undefined && path.startsWith(this.#below)) return true;
    if (entry.xattrs.get('trusted.overlay.opaque')?.[0] !== 0x79) return false; // 'y'
    this.#below = `${path}/`;
    return true;
  }
}

async function* changesOfEntry(session: FsSession, entry: FsEntry, before: FsStat | undefined, hidden: Hidden): AsyncGenerator<Change, void, undefined> {
  const path = shown(entry.path);
  const opaque = entry.type === 'dir' && hidden.enter(entry);
  if (isWhiteout(entry)) {
    if (before !== undefined) yield { path, kind: 'delete' };
  } else if (before === undefined) {
    yield { path, kind: 'add' };
  } else if (entry.type !== 'dir' || before.type !== 'dir') {
    yield { path, kind: 'modify' };
  } else {
    if (opaque || !(await sameFolder(session, entry, before))) yield { path, kind: 'modify' };
    if (opaque) yield* deletedBelow(session, entry);
  }
}

/** A folder in which nothing of the parent is seen: what was in it before and is not now is gone. */
async function* deletedBelow(session: FsSession, folder: FsEntry): AsyncGenerator<Change, void, undefined> {
  const now = new Set((await session.list(join('own', bytes(folder)))).map(({ name }) => name.toString('latin1')));
  for (const { name } of await session.list(join('parent', bytes(folder)))) {
    if (!now.has(name.toString('latin1'))) yield { path: `${shown(folder.path)}/${name.toString()}`, kind: 'delete' };
  }
}

async function sameFolder(session: FsSession, now: FsEntry, before: FsStat): Promise<boolean> {
  if (now.mode !== before.mode || now.uid !== before.uid || now.gid !== before.gid || now.mtimeNs !== before.mtimeNs) return false;
  const xattrs = [...now.xattrs].filter(([name]) => !name.startsWith('trusted.overlay.'));
  const old = (await folderMeta(session, join('parent', bytes(now))))?.xattrs ?? new Map<string, Uint8Array>();
  return xattrs.length === old.size && xattrs.every(([name, value]) => Buffer.compare(value, old.get(name) ?? Buffer.alloc(0)) === 0);
}

async function* chunks(entries: AsyncIterable<FsEntry>): AsyncGenerator<FsEntry[], void, undefined> {
  let chunk: FsEntry[] = [];
  for await (const entry of entries) {
    chunk.push(entry);
    if (chunk.length < ahead) continue;
    yield chunk;
    chunk = [];
  }
  yield chunk;
}

function bytes(entry: FsEntry): string {
  return entry.path.toString('latin1');
}

function shown(path: Buffer): string {
  return `/${path.toString()}`;
}

import type { FsEntry, FsXattrs } from '@gantry/linux';

/** One path in which two trees differ. Relative; a deleted folder is one difference. */
export type Difference =
  | { readonly kind: 'add' | 'modify'; readonly path: Buffer; readonly entry: FsEntry }
  | { readonly kind: 'delete'; readonly path: Buffer };

/**
 * Compares two trees by what is known of their inodes, as walks tell it: in the order of the walks, without reading a
 * file. The roots themselves are not compared.
 */
export async function* differences(before: AsyncIterable<FsEntry>, after: AsyncIterable<FsEntry>): AsyncGenerator<Difference, void, undefined> {
  const olds = before[Symbol.asyncIterator]();
  const news = after[Symbol.asyncIterator]();
  try {
    let [old, now] = [await next(olds), await next(news)];
    let gone: Buffer | undefined; // a deleted folder, while what was below it passes by
    while (old !== undefined || now !== undefined) {
      const order = old === undefined ? 1 : now === undefined ? -1 : comparePaths(old.path, now.path);
      if (order < 0 && old !== undefined) {
        if (gone === undefined || !isBelow(old.path, gone)) {
          gone = old.path;
          yield { kind: 'delete', path: old.path };
        }
        old = await next(olds);
      } else if (order > 0 && now !== undefined) {
        yield { kind: 'add', path: now.path, entry: now };
        now = await next(news);
      } else if (old !== undefined && now !== undefined) {
        if (!isSame(old, now)) yield { kind: 'modify', path: now.path, entry: now };
        // What was below a folder that became something else went with it.
        gone = old.type === 'dir' && now.type !== 'dir' ? old.path : undefined;
        [old, now] = [await next(olds), await next(news)];
      }
    }
  } finally {
    await Promise.all([olds.return?.(), news.return?.()]);
  }
}

/** The next entry below the root. */
async function next(entries: AsyncIterator<FsEntry>): Promise<FsEntry | undefined> {
  for (;;) {
    const item = await entries.next();
    if (item.done === true) return undefined;
    if (item.value.path.length > 0) return item.value;
  }
}

/** The order of a walk: siblings by bytes, what is in a folder right behind it. So `/` comes before every other byte. */
export function comparePaths(a: Buffer, b: Buffer): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const [x, y] = [a.readUInt8(i), b.readUInt8(i)];
    if (x !== y) return x === slash ? -1 : y === slash ? 1 : x - y;
  }
  return a.length - b.length;
}

const slash = 0x2f;

function isBelow(path: Buffer, folder: Buffer): boolean {
  return path.length > folder.length && path[folder.length] === slash && path.subarray(0, folder.length).equals(folder);
}

function isSame(a: FsEntry, b: FsEntry): boolean {
  if (a.type !== b.type || a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid || a.mtimeNs !== b.mtimeNs) return false;
  if (a.type === 'file' && a.size !== b.size) return false;
  if (a.type === 'symlink' && b.type === 'symlink' && !a.link.equals(b.link)) return false;
  if ((a.type === 'char' || a.type === 'block') && (b.type === 'char' || b.type === 'block') && (a.major !== b.major || a.minor !== b.minor)) return false;
  return sameXattrs(a.xattrs, b.xattrs);
}

function sameXattrs(a: FsXattrs, b: FsXattrs): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || Buffer.compare(value, other) !== 0) return false;
  }
  return true;
}

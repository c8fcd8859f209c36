import type { FileStat, WalkEntry } from '@gantry/driver-api';
import type { FsEntry, FsStat, FsType } from '@gantry/linux';

/** Types in `st_mode` (inode(7)). */
const typeBits: Readonly<Record<FsType, number>> = {
  fifo: 0o010_000,
  char: 0o020_000,
  dir: 0o040_000,
  block: 0o060_000,
  file: 0o100_000,
  symlink: 0o120_000,
  socket: 0o140_000,
};

/** What the native side tells of an inode, as the seam has it. */
export function toFileStat(stat: FsStat): FileStat {
  return {
    mode: typeBits[stat.type] | stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    mtime: toTime(stat.mtimeNs),
    ...(stat.type === 'symlink' ? { link: stat.link.toString() } : {}),
    ...(stat.type === 'char' || stat.type === 'block' ? { rdev: [stat.major, stat.minor] } : {}),
  };
}

/** @param root what the walk began at, absolute in the tree */
export function toWalkEntry(root: string, entry: FsEntry): Omit<WalkEntry, 'digest'> {
  const { mode, uid, gid, size, mtime, link } = toFileStat(entry);
  const below = entry.path.toString();
  return { mode, uid, gid, size, mtime, ...(link === undefined ? {} : { link }), path: below === '' ? root : `${root === '/' ? '' : root}/${below}`, ino: entry.ino.toString() };
}

/** RFC 3339 with nanoseconds. */
function toTime(ns: bigint): string {
  const seconds = ns / 1_000_000_000n - (ns % 1_000_000_000n < 0n ? 1n : 0n);
  const fraction = ns - seconds * 1_000_000_000n;
  const limit = 8_640_000_000_000n; // of Date, either way
  const within = seconds > limit ? limit : seconds < -limit ? -limit : seconds;
  return new Date(Number(within) * 1000).toISOString().replace('.000Z', `.${fraction.toString().padStart(9, '0')}Z`);
}

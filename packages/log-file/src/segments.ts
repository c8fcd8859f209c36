import { readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** One file of a log. */
export interface Segment {
  readonly path: string;
  readonly ino: bigint;
  readonly size: number;
}

/** More rotations than this while a folder is listed mean that the log is rotated faster than it can be read at all. */
const maxLookups = 20;

/**
 * The files of a log, oldest first, the one that is being written last. A rotation renames one file after another, so
 * a listing made meanwhile could miss a file or have it twice: two equal ones in a row count.
 */
export async function segments(path: string): Promise<Segment[]> {
  let before = await lookUp(path);
  for (let n = 0; n < maxLookups; n += 1) {
    const now = await lookUp(path);
    if (now.length === before.length && now.every((segment, index) => segment.ino === before[index]?.ino)) return now;
    before = now;
  }
  return before;
}

async function lookUp(path: string): Promise<Segment[]> {
  const found = await Promise.all((await paths(path)).map(async (file): Promise<Segment[]> => {
    try {
      const { ino, size } = await stat(file, { bigint: true });
      return [{ path: file, ino, size: Number(size) }];
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }));
  return found.flat();
}

/** Names of all files of a log, oldest first: `path.2`, `path.1`, `path`. */
export async function paths(path: string): Promise<string[]> {
  const [folder, name] = [dirname(path), basename(path)];
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
  const numbered = names.flatMap((entry) => {
    const number = entry === name ? '0' : entry.startsWith(`${name}.`) ? entry.slice(name.length + 1) : '';
    return /^\d{1,5}$/.test(number) ? [{ entry, age: Number(number) }] : [];
  });
  return numbered.sort((a, b) => b.age - a.age).map(({ entry }) => `${folder}/${entry}`);
}

export function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

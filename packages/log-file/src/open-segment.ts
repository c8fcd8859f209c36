import { open, type FileHandle } from 'node:fs/promises';
import { isAbsent, segments, type Segment } from './segments.ts';

/** An open file of a log; while it is open, its inode number is not used again. */
export interface OpenSegment extends AsyncDisposable {
  readonly ino: bigint;
  readonly file: FileHandle;
}

/**
 * Opens the file with this inode, under whatever name a rotation has given it meanwhile; undefined: rotated away.
 */
export async function openSegment(path: string, ino: bigint): Promise<OpenSegment | undefined> {
  for (;;) {
    const found = (await segments(path)).find((segment) => segment.ino === ino);
    if (found === undefined) return undefined;
    const opened = await openPath(found.path);
    if (opened?.ino === ino) return opened;
    await opened?.[Symbol.asyncDispose](); // renamed between the two steps: look again
  }
}

/** The file that was begun after this one; undefined: this is the one that is being written. Of files that were rotated away while they were read, the oldest that is left. */
export async function nextSegment(path: string, ino: bigint): Promise<OpenSegment | undefined> {
  for (;;) {
    const all = await segments(path);
    const index = all.findIndex((segment) => segment.ino === ino);
    const next: Segment | undefined = all[index + 1]; // not found: -1, so the first
    if (next === undefined) return undefined;
    const opened = await openSegment(path, next.ino);
    if (opened !== undefined) return opened;
  }
}

/** Whether a file was begun after this one, so that nothing is written to this one any more. */
export async function hasNewer(path: string, ino: bigint): Promise<boolean> {
  const newest = (await segments(path)).at(-1);
  return newest !== undefined && newest.ino !== ino;
}

async function openPath(path: string): Promise<OpenSegment | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  const { ino } = await file.stat({ bigint: true });
  return { ino, file, [Symbol.asyncDispose]: () => file.close() };
}

import type { EntryFilter } from './filter.ts';
import { linesBackward } from './lines.ts';
import { openSegment } from './open-segment.ts';
import type { Segment } from './segments.ts';

/** Where reading begins. */
export interface Position {
  readonly ino: bigint;
  readonly offset: number;
}

/**
 * Where the last `count` entries that match begin, found from the end backwards; undefined: there is no file.
 *
 * @param files oldest first, as they were when reading began
 */
export async function findTail(path: string, files: readonly Segment[], count: number, filter: EntryFilter): Promise<Position | undefined> {
  const newest = files.at(-1);
  if (newest === undefined) return undefined;
  let begin: Position = { ino: newest.ino, offset: newest.size };
  let left = count;
  for (const { ino, size } of files.toReversed()) {
    if (left === 0) return begin;
    await using segment = await openSegment(path, ino);
    if (segment === undefined) return begin; // rotated away meanwhile, and all older ones with it
    for await (const { offset, line } of linesBackward(segment.file, size)) {
      const matches = filter.matchesLine(line);
      if (matches === 'before') return begin;
      if (!matches) continue;
      begin = { ino, offset };
      left -= 1;
      if (left === 0) return begin;
    }
  }
  return begin;
}

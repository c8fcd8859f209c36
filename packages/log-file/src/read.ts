import type { LogEntry, LogQuery } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { Changes } from './changes.ts';
import { decodeEntry, PartialLines } from './entry.ts';
import { EntryFilter } from './filter.ts';
import { LineReader } from './lines.ts';
import { hasNewer, nextSegment, openSegment, type OpenSegment } from './open-segment.ts';
import { segments } from './segments.ts';
import { findTail, type Position } from './tail.ts';

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told at the end of lines that could not be read. */
  readonly onDamage?: (lines: number) => void;
}

/**
 * The entries of a json-file log, over its rotated files. Without `follow` it ends at what was there when it began, so
 * that it ends whatever the container writes. With it, it waits for more across any number of rotations, until `signal`
 * fires; then it yields what is there and ends.
 *
 * @throws `GantryError` invalid: a time or a count that is none. aborted: the signal fired, and it was not following.
 */
export async function* readLog(path: string, query: LogQuery, options: ReadOptions = {}): AsyncGenerator<LogEntry> {
  const filter = new EntryFilter(query);
  if (query.tail !== undefined && (!Number.isSafeInteger(query.tail) || query.tail < 0)) {
    throw new GantryError('invalid', 'log-tail-invalid', `tail must be a number of lines, and is ${query.tail}`);
  }
  const { signal, onDamage } = options;
  using changes = query.follow ? new Changes(path) : undefined;
  const partial = new PartialLines();
  let damaged = 0;
  try {
    for await (const line of lines(path, query, filter, changes, signal)) {
      const decoded = decodeEntry(line);
      if (decoded === undefined) {
        damaged += 1;
        continue;
      }
      if (filter.after(decoded)) return;
      const entry = partial.mark(decoded.entry);
      if (filter.matches(decoded)) yield entry;
    }
  } finally {
    if (damaged > 0) onDamage?.(damaged);
  }
}

async function* lines(path: string, query: LogQuery, filter: EntryFilter, changes: Changes | undefined, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const files = await segments(path);
  const end = changes === undefined ? files.at(-1) : undefined;
  const begin = await beginning(path, files, query, filter);
  let segment = begin === undefined ? undefined : await openSegment(path, begin.ino);
  let offset = segment === undefined ? 0 : (begin?.offset ?? 0);
  try {
    for (;;) {
      if (segment === undefined) {
        // Nothing is there yet, or what was is rotated away: from the oldest on.
        const ending = signal?.aborted === true;
        segment = await nextSegment(path, -1n);
        offset = 0;
        if (segment === undefined) {
          if (changes === undefined || ending) return;
          await changes.next(signal);
          continue;
        }
      }
      yield* segmentLines(path, segment, offset, end, changes, signal);
      if (segment.ino === end?.ino) return;
      const next = await nextSegment(path, segment.ino);
      await segment[Symbol.asyncDispose]();
      segment = next;
      offset = 0;
      if (next === undefined) return;
    }
  } finally {
    await segment?.[Symbol.asyncDispose]();
  }
}

async function beginning(path: string, files: Awaited<ReturnType<typeof segments>>, query: LogQuery, filter: EntryFilter): Promise<Position | undefined> {
  if (query.tail !== undefined) return findTail(path, files, query.tail, filter);
  const [oldest] = files;
  return oldest === undefined ? undefined : { ino: oldest.ino, offset: 0 };
}

/** The lines of one file, until it ends for good: a newer one exists, or the reader is not following or was told to end. */
async function* segmentLines(
  path: string,
  { ino, file }: OpenSegment,
  offset: number,
  end: { readonly ino: bigint; readonly size: number } | undefined,
  changes: Changes | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const reader = new LineReader(file, offset, end?.ino === ino ? end.size : Infinity);
  let complete = false;
  for (;;) {
    if (changes === undefined && signal?.aborted === true) throw new GantryError('aborted', 'aborted', 'Reading the log was aborted');
    const ending = signal?.aborted === true;
    const found = await reader.read();
    if (found !== undefined) {
      yield* found;
      continue;
    }
    // The end was read after a newer file was seen: nothing can be appended to this one any more.
    if (complete || changes === undefined) return;
    if (await hasNewer(path, ino)) complete = true;
    else if (ending) return;
    else await changes.next(signal);
  }
}

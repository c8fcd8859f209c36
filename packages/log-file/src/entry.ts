import type { LogEntry } from '@gantry/driver-api';
import { nanoseconds } from './time.ts';

/** The keeper cuts lines of output into parts of this many bytes; a shorter entry without a newline is the end of the output. */
const partBytes = 16 * 1024;

/** An entry with its time as a number, to compare. */
export interface DecodedEntry {
  readonly entry: LogEntry;
  readonly ns: bigint;
}

/** One line of a json-file log, without its newline; undefined: damaged, as a crash of the machine can leave it. */
export function decodeEntry(line: Buffer): DecodedEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    return undefined; // told to the caller, who counts them
  }
  if (typeof value !== 'object' || value === null || !('log' in value) || !('stream' in value) || !('time' in value)) return undefined;
  const { log, stream, time } = value;
  if (typeof log !== 'string' || typeof time !== 'string' || (stream !== 'stdout' && stream !== 'stderr')) return undefined;
  const ns = nanoseconds(time);
  if (ns === undefined) return undefined;
  const attrs = 'attrs' in value ? strings(value.attrs) : undefined;
  return { ns, entry: { at: time, fd: stream === 'stdout' ? 1 : 2, line: Buffer.from(log, 'utf8'), ...(attrs === undefined ? {} : { attrs }) } };
}

function strings(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/**
 * Finds out which entries are parts of one line: the file only shows it by a missing newline. A reader keeps one of
 * these, since the two outputs are mixed and each goes on where it stopped.
 */
export class PartialLines {
  readonly #open = new Map<1 | 2, { readonly id: string; readonly ordinal: number }>();

  mark(entry: LogEntry): LogEntry {
    const open = this.#open.get(entry.fd);
    const more = entry.line.at(-1) !== 0x0a && entry.line.byteLength >= partBytes;
    if (open === undefined && !more) return entry;
    const part = { id: open?.id ?? `${entry.fd}:${entry.at}`, ordinal: (open?.ordinal ?? 0) + 1 };
    if (more) this.#open.set(entry.fd, part);
    else this.#open.delete(entry.fd);
    return { ...entry, partial: { ...part, last: !more } };
  }
}

import type { LogQuery } from '@gantry/driver-api';
import { decodeEntry, type DecodedEntry } from './entry.ts';
import { requireTime } from './time.ts';

/** A query's conditions on single entries. */
export class EntryFilter {
  readonly #since: bigint | undefined;
  readonly #until: bigint | undefined;
  readonly #fds: ReadonlySet<1 | 2>;
  /** Every line matches, so that lines can be counted without being read. */
  readonly all: boolean;

  /** @throws `GantryError` invalid: a time that is none */
  constructor(query: LogQuery) {
    this.#since = query.since === undefined ? undefined : requireTime(query.since, 'since');
    this.#until = query.until === undefined ? undefined : requireTime(query.until, 'until');
    this.#fds = new Set(query.fds);
    this.all = this.#since === undefined && this.#until === undefined && this.#fds.size === 2;
  }

  /** It and all before it are too old. */
  before({ ns }: DecodedEntry): boolean {
    return this.#since !== undefined && ns < this.#since;
  }

  /** It and all behind it are too young. */
  after({ ns }: DecodedEntry): boolean {
    return this.#until !== undefined && ns >= this.#until;
  }

  matches(decoded: DecodedEntry): boolean {
    return this.#fds.has(decoded.entry.fd) && !this.before(decoded) && !this.after(decoded);
  }

  /** Whether a line from the file counts; a damaged one does not. */
  matchesLine(line: Buffer): boolean | 'before' {
    if (this.all) return true;
    const decoded = decodeEntry(line);
    if (decoded === undefined) return false;
    return this.before(decoded) ? 'before' : this.matches(decoded);
  }
}

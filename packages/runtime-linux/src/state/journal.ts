import { closeSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import type { RuntimeEvent } from '@gantry/driver-api';
import { unlessAborted } from './deadline.ts';
import { isAbsent } from './guard.ts';
import { parseEpoch, parseEvent, type Epoch, type StoredEvent } from './journal-line.ts';

/** What is told of an event before it has its place. */
export type NewEvent = Omit<RuntimeEvent, 'cursor'>;

/** The file is rewritten when this many of its lines are dropped events, and they are more than half. */
const rewriteAfter = 1000;

/** Of finished execs of one container this many events are kept, and a tenth more, if nobody acknowledges them: health checks never end. */
const maxExecEvents = 1000;

/** Cursors from before so many openings are not known any more, and an unknown one is answered with everything. */
const maxEpochs = 32;

/** What a file of a journal has. */
interface Content {
  readonly events: StoredEvent[];
  readonly epochs: Epoch[];
  /** Lines that are of no use any more. */
  readonly dropped: number;
  /** Bytes of whole lines. */
  readonly size: number;
}

/**
 * What happened, in order, on disk before it is told, so that a runtime that was killed tells it again. An event is
 * kept until its container's life ended with a `delete` and a later cursor was passed to `events()`.
 *
 * A cursor is `epoch.number`. Numbers grow for ever. The epoch is new with each opening: the end of the file can be cut
 * off by a crash of the machine, or never have been written to a full disk, and a number from there must not be taken
 * for one that was used again.
 */
export class Journal {
  readonly #path: string;
  readonly #execExits = new Map<string, number>();
  #fd: number;
  /** Bytes of the file that are whole lines. */
  #size: number;
  #events: StoredEvent[];
  #epochs: Epoch[];
  /** What a full disk did not take; tried again with the next event. */
  #unwritten: (Epoch | StoredEvent)[] = [];
  #next: number;
  #dropped: number;
  #waiting = new Set<PromiseWithResolvers<undefined>>();
  #closed = false;

  private constructor(path: string, fd: number, { events, epochs, dropped, size }: Content) {
    this.#path = path;
    this.#fd = fd;
    this.#size = size;
    this.#events = events;
    this.#epochs = epochs.slice(-maxEpochs);
    this.#dropped = dropped;
    this.#next = Math.max(epochs.at(-1)?.from ?? 1, (events.at(-1)?.seq ?? 0) + 1);
    const epoch = { epoch: randomBytes(4).toString('hex'), from: this.#next };
    this.#epochs.push(epoch);
    this.#write(epoch);
  }

  /** Reads what is there; a line that was cut short is dropped, since nothing was told of it. */
  static async open(path: string): Promise<Journal> {
    const content = parse(await readBytes(path));
    const fd = openSync(path, 'a', 0o600);
    ftruncateSync(fd, content.size);
    return new Journal(path, fd, content);
  }

  /** All that is retained of the present lives of containers, by their ids, in order. */
  lives(): ReadonlyMap<string, readonly NewEvent[]> {
    const lives = new Map<string, NewEvent[]>();
    for (const { event } of this.#events) {
      if (event.type === 'delete') lives.delete(event.id);
      else lives.set(event.id, [...(lives.get(event.id) ?? []), event]);
    }
    return lives;
  }

  /** @returns false: it is told, and not on disk yet, since that is full. */
  append(event: NewEvent): boolean {
    const stored = { seq: this.#next, event };
    this.#next += 1;
    this.#events.push(stored);
    const written = this.#write(stored);
    if (event.execId !== undefined && event.type === 'exit') this.#limitExecs(event.id);
    if (event.type === 'delete') this.#execExits.delete(event.id);
    this.#wake();
    return written;
  }

  /** See `Runtime.events`. */
  async *events(after: string | undefined, signal: AbortSignal | undefined): AsyncGenerator<RuntimeEvent> {
    const known = after === undefined ? undefined : this.#parse(after);
    if (known !== undefined) this.#acknowledge(known);
    let last = known ?? 0;
    for (;;) {
      const next = this.#after(last);
      if (next !== undefined) {
        last = next.seq;
        yield { cursor: this.#cursor(next.seq), ...next.event };
      } else if (this.#closed) return;
      else await this.#more(signal);
    }
  }

  /** Ends all iterations; the file stays. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
    this.#wake();
  }

  /** Synchronous, since order is everything: some bytes into the page cache. */
  #write(entry: Epoch | StoredEvent): boolean {
    this.#unwritten.push(entry);
    const bytes = linesOf(this.#unwritten);
    let written = 0;
    try {
      written = writeSync(this.#fd, bytes);
    } catch {
      // Told to the caller; the next event brings it along.
    }
    if (written < bytes.byteLength) {
      ftruncateSync(this.#fd, this.#size); // no half line, which would spoil the one behind it
      return false;
    }
    this.#size += written;
    this.#unwritten = [];
    return true;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const { resolve } of waiting) resolve(undefined);
  }

  async #more(signal: AbortSignal | undefined): Promise<void> {
    const more = Promise.withResolvers<undefined>();
    this.#waiting.add(more);
    try {
      await unlessAborted(signal, more.promise);
    } finally {
      this.#waiting.delete(more);
    }
  }

  /** The first event behind this number, found by halving: followers ask for each event. */
  #after(seq: number): StoredEvent | undefined {
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle]?.seq ?? Infinity) > seq) high = middle;
      else low = middle + 1;
    }
    return this.#events[low];
  }

  #cursor(seq: number): string {
    const epoch = this.#epochs.findLast(({ from }) => from <= seq) ?? this.#epochs[0];
    return `${epoch?.epoch ?? ''}.${seq}`;
  }

  /** The number of a cursor that was given out; undefined: it was not, as far as is known. */
  #parse(cursor: string): number | undefined {
    const [, epoch, digits] = /^([0-9a-f]{8})\.(\d{1,15})$/.exec(cursor) ?? [];
    const seq = Number(digits);
    const index = this.#epochs.findIndex((known) => known.epoch === epoch);
    const [known, next] = [this.#epochs[index], this.#epochs[index + 1]];
    return known !== undefined && seq >= known.from && seq < (next?.from ?? this.#next) ? seq : undefined;
  }

  #acknowledge(seq: number): void {
    const lastDelete = new Map<string, number>();
    for (const { seq: at, event } of this.#events) if (event.type === 'delete') lastDelete.set(event.id, at);
    this.#drop(({ seq: at, event }) => at < seq && at <= (lastDelete.get(event.id) ?? 0));
  }

  #limitExecs(id: string): void {
    const exits = (this.#execExits.get(id) ?? 0) + 1;
    this.#execExits.set(id, exits);
    if (exits * 2 <= maxExecEvents * 1.1) return;
    const ofExecs = this.#events.filter(({ event }) => event.id === id && event.execId !== undefined);
    const finished = new Set(ofExecs.flatMap(({ event }) => (event.type === 'exit' ? [event.execId] : [])));
    const excess = new Set(ofExecs.filter(({ event }) => finished.has(event.execId)).slice(0, -maxExecEvents));
    this.#drop((stored) => excess.has(stored));
    this.#execExits.set(id, maxExecEvents / 2);
  }

  #drop(unwanted: (event: StoredEvent) => boolean): void {
    const kept = this.#events.filter((event) => !unwanted(event));
    this.#dropped += this.#events.length - kept.length;
    this.#events = kept;
    if (this.#dropped > rewriteAfter && this.#dropped > kept.length) this.#rewrite();
  }

  /** A new file under the old name. Synchronous, since no event may come between, and rare. */
  #rewrite(): void {
    const temporary = `${this.#path}.tmp`;
    const bytes = linesOf([...this.#epochs, ...this.#events]);
    const fd = openSync(temporary, 'w', 0o600);
    let complete = false;
    try {
      complete = writeSync(fd, bytes) === bytes.byteLength;
    } catch {
      // The old file goes on, and is as good; it is only longer.
    }
    if (!complete) {
      closeSync(fd);
      return;
    }
    renameSync(temporary, this.#path);
    closeSync(this.#fd);
    this.#fd = fd;
    this.#size = bytes.byteLength;
    this.#unwritten = [];
    this.#dropped = 0;
  }
}

function linesOf(entries: readonly (Epoch | StoredEvent)[]): Buffer {
  return Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}

function parse(bytes: Buffer): Content {
  const events: StoredEvent[] = [];
  const epochs: Epoch[] = [];
  const size = bytes.lastIndexOf('\n') + 1;
  let dropped = 0;
  for (const line of bytes.toString('utf8', 0, size).split('\n')) {
    if (line === '') continue;
    const value = json(line);
    const [epoch, event] = [parseEpoch(value), parseEvent(value)];
    if (epoch !== undefined) epochs.push(epoch);
    else if (event !== undefined && event.seq > (events.at(-1)?.seq ?? 0)) events.push(event);
    else dropped += 1;
  }
  return { events, epochs, dropped, size };
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isAbsent(error)) return Buffer.alloc(0);
    throw error;
  }
}

function json(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // counted as a line to be rid of
  }
}

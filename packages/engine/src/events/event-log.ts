import { GantryError } from '@gantry/errors';
import { textOf, type Database, type Row } from '../state/database.ts';
import type { EngineEvent, EventType, WatchEvents } from '../types/index.ts';
import { compareTimes, now } from '../util/time.ts';
import { matchesEvent } from './filter.ts';

/** Events that a reader may fall behind before it is cut off. */
const maxBehind = 4096;

export interface EventDraft {
  readonly type: EventType;
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

interface Listener {
  readonly queue: EngineEvent[];
  wake: (() => void) | undefined;
  overrun: boolean;
}

/** What happened: written in the transaction that makes it true, told once that has committed. */
export class EventLog {
  readonly #db: Database;
  readonly #keep: number;
  readonly #listeners = new Set<Listener>();
  #sinceTrim = 0;
  #closed = false;

  constructor(db: Database, keep: number) {
    this.#db = db;
    this.#keep = keep;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Joins the transaction under way, if one is. */
  record(draft: EventDraft): void {
    const at = now();
    this.#db.transaction(() => {
      const row = this.#db.get(
        'INSERT INTO events (at, type, action, actor, attributes) VALUES (?, ?, ?, ?, ?) RETURNING seq',
        at, draft.type, draft.action, draft.id, JSON.stringify(draft.attributes),
      );
      const event: EngineEvent = { seq: Number(row?.['seq']), at, type: draft.type, action: draft.action, actor: { id: draft.id, attributes: draft.attributes } };
      this.#trim(event.seq);
      this.#db.afterCommit(() => this.#tell(event));
    });
  }

  #trim(seq: number): void {
    this.#sinceTrim += 1;
    if (this.#sinceTrim < 256) return;
    this.#sinceTrim = 0;
    this.#db.run('DELETE FROM events WHERE seq <= ?', seq - this.#keep);
  }

  #tell(event: EngineEvent): void {
    for (const listener of this.#listeners) {
      if (listener.queue.length >= maxBehind) listener.overrun = true;
      else listener.queue.push(event);
      listener.wake?.();
    }
  }

  /** See `Engine.events`. Listening begins with the call, not with the first `next()`, so that nothing between is missed. */
  watch(o: WatchEvents): AsyncIterable<EngineEvent> {
    const listener: Listener = { queue: [], wake: undefined, overrun: false };
    this.#listeners.add(listener);
    const past = o.since === undefined ? [] : this.#past(o.since);
    const events = this.#read(listener, past, o);
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => events.next(),
        return: async () => {
          this.#listeners.delete(listener);
          listener.wake?.();
          return events.return(undefined);
        },
      }),
    };
  }

  #past(since: string): EngineEvent[] {
    return this.#db.all('SELECT * FROM events ORDER BY seq').map(eventOf).filter((event) => compareTimes(event.at, since) >= 0);
  }

  async *#read(listener: Listener, past: readonly EngineEvent[], o: WatchEvents): AsyncGenerator<EngineEvent, undefined, undefined> {
    const filter = o.filter ?? {};
    const isPast = (event: EngineEvent): boolean => o.until !== undefined && compareTimes(event.at, o.until) > 0;
    const onAbort = (): void => listener.wake?.();
    o.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      for (const event of past) {
        if (isPast(event)) return undefined;
        if (matchesEvent(event, filter)) yield event;
      }
      const last = past.at(-1)?.seq ?? 0;
      while (!this.#isOver(listener, o)) {
        const event = listener.queue.shift();
        if (event === undefined) {
          if (listener.overrun) throw new GantryError('exhausted', 'events-overrun', `the reader of events fell more than ${maxBehind} behind: read again with since`, { details: { limit: maxBehind } });
          await this.#next(listener, o.until);
          continue;
        }
        if (isPast(event)) return undefined;
        if (event.seq > last && matchesEvent(event, filter)) yield event;
      }
      return undefined;
    } finally {
      o.signal?.removeEventListener('abort', onAbort);
      this.#listeners.delete(listener);
    }
  }

  #isOver(listener: Listener, o: WatchEvents): boolean {
    if (o.signal?.aborted === true || !this.#listeners.has(listener)) return true;
    if (listener.queue.length > 0) return false;
    return this.#closed || (o.until !== undefined && compareTimes(now(), o.until) > 0);
  }

  /** Until something comes, the listener is told to stop, or `until` passes. */
  async #next(listener: Listener, until: string | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    listener.wake = () => resolve(undefined);
    // A timer of Node holds 31 bits of milliseconds; what lies further away is looked at again then.
    const timer = until === undefined ? undefined : setTimeout(() => resolve(undefined), Math.min(Math.max(Date.parse(until) - Date.now() + 1, 1), 2 ** 31 - 1));
    try {
      await promise;
    } finally {
      listener.wake = undefined;
      clearTimeout(timer);
    }
  }

  /** Readers get what they have not read yet, then the end. */
  close(): void {
    this.#closed = true;
    for (const listener of this.#listeners) listener.wake?.();
  }
}

function eventOf(row: Row): EngineEvent {
  return {
    seq: Number(row['seq']),
    at: textOf(row, 'at'),
    type: textOf(row, 'type') as EventType,
    action: textOf(row, 'action'),
    actor: { id: textOf(row, 'actor'), attributes: JSON.parse(textOf(row, 'attributes')) as Record<string, string> },
  };
}

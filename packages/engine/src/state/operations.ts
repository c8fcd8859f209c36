import { randomToken } from '../util/ids.ts';
import { now } from '../util/time.ts';
import { textOf, type Database } from './database.ts';

/** What an operation is about, and what recovery has to know to end it either way. */
export type OperationDraft =
  | { readonly kind: 'create'; readonly subject: string; readonly layerChain: string | null; readonly logDriver: string }
  | { readonly kind: 'start'; readonly subject: string; readonly token: string }
  | { readonly kind: 'remove'; readonly subject: string };

export type Operation = OperationDraft & { readonly id: string; readonly session: string };

/** What was begun and not ended yet, on disk before its first effect. */
export class Operations {
  readonly #db: Database;
  readonly #session: string;

  constructor(db: Database, session: string) {
    this.#db = db;
    this.#session = session;
  }

  /** Joins the transaction under way. Returns the operation's id, for `end`. One of this kind that was left on the subject is replaced. */
  begin(draft: OperationDraft): string {
    const id = randomToken();
    const { kind, subject, ...data } = draft;
    this.#db.run('INSERT OR REPLACE INTO operations (id, kind, subject, data, session, started_at) VALUES (?, ?, ?, ?, ?, ?)', id, kind, subject, JSON.stringify(data), this.#session, now());
    return id;
  }

  /** Joins the transaction under way, which commits or undoes what it was about. */
  end(id: string): void {
    this.#db.run('DELETE FROM operations WHERE id = ?', id);
  }

  /** All about one subject, which is gone. Joins the transaction under way. */
  endAll(subject: string): void {
    this.#db.run('DELETE FROM operations WHERE subject = ?', subject);
  }

  /** Of engines before this one. */
  left(): Operation[] {
    return this.#all().filter(({ session }) => session !== this.#session);
  }

  /** Chain IDs of layers that a container under way stands on. */
  chainsInUse(): string[] {
    return this.#all().flatMap((operation) => (operation.kind === 'create' && operation.layerChain !== null ? [operation.layerChain] : []));
  }

  #all(): Operation[] {
    return this.#db.all('SELECT * FROM operations ORDER BY started_at').map((row) => {
      const data = JSON.parse(textOf(row, 'data')) as object;
      return { id: textOf(row, 'id'), kind: textOf(row, 'kind'), subject: textOf(row, 'subject'), session: textOf(row, 'session'), ...data } as Operation; // written by begin()
    });
  }
}

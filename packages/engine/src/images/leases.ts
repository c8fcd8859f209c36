import { textOf, type Database } from '../state/database.ts';
import { randomToken } from '../util/ids.ts';

/** Milliseconds for which what an interrupted pull got is kept for the next try. */
export const keepInterruptedFor: number = 24 * 60 * 60 * 1000;

/** What garbage collection has to spare. */
export class Leases {
  readonly #db: Database;
  readonly #session: string;

  constructor(db: Database, session: string) {
    this.#db = db;
    this.#session = session;
  }

  open(subject: string): Lease {
    const id = randomToken();
    this.#db.run('INSERT INTO leases (id, subject, session) VALUES (?, ?, ?)', id, subject, this.#session);
    return new Lease(this.#db, id, subject);
  }

  holdsBlob(digest: string): boolean {
    return this.#db.get("SELECT 1 FROM lease_items WHERE kind = 'blob' AND id = ?", digest) !== undefined;
  }

  /** Leases of engines that are gone get an end; those whose end has come go. Returns what the others hold. */
  sweep(): { readonly layers: ReadonlySet<string>; readonly blobs: ReadonlySet<string> } {
    return this.#db.transaction(() => {
      const now = Date.now();
      this.#db.run('UPDATE leases SET expires_ms = ? WHERE session <> ? AND expires_ms IS NULL', now + keepInterruptedFor, this.#session);
      this.#db.run('DELETE FROM leases WHERE expires_ms <= ?', now);
      const items = this.#db.all('SELECT kind, id FROM lease_items');
      const of = (kind: string): ReadonlySet<string> => new Set(items.filter((item) => item['kind'] === kind).map((item) => textOf(item, 'id')));
      return { layers: of('layer'), blobs: of('blob') };
    });
  }
}

export class Lease {
  readonly #db: Database;
  readonly #id: string;
  readonly #subject: string;

  constructor(db: Database, id: string, subject: string) {
    this.#db = db;
    this.#id = id;
    this.#subject = subject;
  }

  hold(kind: 'layer' | 'blob', id: string): void {
    this.#db.run('INSERT INTO lease_items (lease, kind, id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', this.#id, kind, id);
  }

  /** The image stands for itself now, and so for what broken-off pulls of it had got. Joins the transaction that commits it. */
  end(): void {
    this.#db.run('DELETE FROM leases WHERE id = ? OR (subject = ? AND expires_ms IS NOT NULL)', this.#id, this.#subject);
  }

  /** The pull broke off: what it got stays for a while. */
  abandon(): void {
    this.#db.run('UPDATE leases SET expires_ms = ? WHERE id = ?', Date.now() + keepInterruptedFor, this.#id);
  }
}

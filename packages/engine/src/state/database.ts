import { close, fdatasync, open } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { promisify } from 'node:util';
import type { Logger } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { Checkpointer } from './checkpointer.ts';
import { migrations } from './migrations.ts';

const openFile = promisify(open);
const sync = promisify(fdatasync);
const closeFile = promisify(close);

export type Row = Readonly<Record<string, SQLInputValue>>;

/** A column that is text in every row. */
export function textOf(row: Row, key: string): string {
  const value = row[key];
  if (typeof value !== 'string') throw new TypeError(`column ${key} is not text`);
  return value;
}

export function textOrNull(row: Row, key: string): string | null {
  return row[key] === null ? null : textOf(row, key);
}

/**
 * The engine's database. Transactions are short and run at once on the event loop without waiting for the disk
 * (`synchronous = NORMAL`): a SIGKILL loses none, a power cut may lose the last ones but never tears. What must outlive a
 * power cut too awaits `durable()`, which syncs the write-ahead log off the event loop, once for all who wait together.
 */
export class Database {
  readonly #db: DatabaseSync;
  readonly #wal: number;
  readonly #checkpoints: Checkpointer;
  readonly #statements = new Map<string, StatementSync>();
  #afterCommit: (() => void)[] = [];
  #depth = 0;
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;
  #closed = false;

  private constructor(db: DatabaseSync, wal: number, checkpoints: Checkpointer) {
    this.#db = db;
    this.#wal = wal;
    this.#checkpoints = checkpoints;
  }

  /**
   * Opens or makes it, and brings its schema up to date.
   * @throws GantryError conflict `database-too-new`: a later release made it; dataLoss `database-damaged`.
   */
  static async open(path: string, log: Logger): Promise<Database> {
    const db = new DatabaseSync(path, { timeout: 5000 });
    try {
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 16777216; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY');
      migrate(db, path);
      // The log exists from here on, and is the same file until the last connection closes.
      const wal = await openFile(`${path}-wal`, 'r+');
      return new Database(db, wal, new Checkpointer(path, log, () => db.exec('PRAGMA wal_checkpoint(PASSIVE)')));
    } catch (error) {
      db.close();
      if (error instanceof Error && 'errcode' in error && (error.errcode === 11 || error.errcode === 26)) {
        throw new GantryError('dataLoss', 'database-damaged', `${path} is damaged: restore it from a backup, or move the data root away to begin anew`, { cause: error });
      }
      throw error;
    }
  }

  /** All or nothing. Nested calls join the outer one. @throws GantryError unavailable `engine-closed`. */
  transaction<T>(work: () => T): T {
    if (this.#closed) throw closedError();
    if (this.#depth > 0) return work();
    this.#db.exec('BEGIN IMMEDIATE');
    this.#depth = 1;
    let result: T;
    try {
      result = work();
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#afterCommit = [];
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    } finally {
      this.#depth = 0;
    }
    this.#checkpoints.committed();
    const after = this.#afterCommit;
    this.#afterCommit = [];
    for (const run of after) run();
    return result;
  }

  /** Calls back once the transaction under way has committed; never if it does not. */
  afterCommit(run: () => void): void {
    if (this.#depth === 0) run();
    else this.#afterCommit.push(run);
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.transaction(() => this.#statement(sql).run(...values));
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  #statement(sql: string): StatementSync {
    if (this.#closed) throw closedError();
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }

  /** Resolves once everything that was committed until now outlives a power cut. */
  durable(): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#syncing === undefined) return this.#sync();
    // The one that runs may have begun before our transaction: join the one after it.
    return (this.#nextSync ??= this.#syncing.then(() => this.#sync(), () => this.#sync()));
  }

  #sync(): Promise<void> {
    this.#nextSync = undefined;
    const running = sync(this.#wal).finally(() => {
      if (this.#syncing === running) this.#syncing = undefined;
    });
    this.#syncing = running;
    return running;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#syncing?.catch(() => undefined);
    await this.#checkpoints[Symbol.asyncDispose]();
    this.#statements.clear();
    this.#db.close();
    await closeFile(this.#wal);
  }
}

function closedError(): GantryError {
  return new GantryError('unavailable', 'engine-closed', 'the engine is closed');
}

function migrate(db: DatabaseSync, path: string): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
  if (version > migrations.length) {
    throw new GantryError('conflict', 'database-too-new', `${path} has version ${version}, and this release knows ${migrations.length}: run the release that made it, or a later one`, {
      details: { version, known: migrations.length },
    });
  }
  for (const [index, script] of migrations.entries()) {
    if (index < version) continue;
    db.exec(`BEGIN IMMEDIATE; ${script}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}

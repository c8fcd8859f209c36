import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textOf, type Database } from './database.ts';

export type MetaKey = 'id' | 'storage-driver' | 'boot-id';

export function readMeta(db: Database, key: MetaKey): string | undefined {
  const row = db.get('SELECT value FROM meta WHERE key = ?', key);
  return row === undefined ? undefined : textOf(row, 'value');
}

export function writeMeta(db: Database, key: MetaKey, value: string): void {
  db.run('INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', key, value);
}

/** Name of the storage driver that the data root's layers and containers are of; undefined: it has none, any driver will do. */
export function recordedStorage(db: Database): string | undefined {
  const inUse = db.get('SELECT 1 FROM layers UNION ALL SELECT 1 FROM containers LIMIT 1') !== undefined;
  return inUse ? readMeta(db, 'storage-driver') : undefined;
}

/** Of this data root, for good: made with it. */
export function engineId(db: Database): string {
  const known = readMeta(db, 'id');
  if (known !== undefined) return known;
  const id = randomUUID();
  writeMeta(db, 'id', id);
  return id;
}

/**
 * 8 hexadecimal digits for names that the whole machine sees, from the (resolved) path of the data root: should the
 * database be lost, what its engine left on the machine is still found.
 */
export function instanceOf(dataRoot: string): string {
  return createHash('sha256').update(dataRoot).digest('hex').slice(0, 8);
}

/** Of this machine (random(4)): changes with every boot. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

export function databasePath(dataRoot: string): string {
  return join(dataRoot, 'engine.db');
}

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GantryError } from '@gantry/errors';
import { now } from '../util/time.ts';

/** SQLITE_BUSY. */
const busy = 5;

/** Who holds a data root. */
export interface Owner {
  readonly pid: number;
  readonly socket: string | null;
  readonly startedAt: string;
}

/** The right to a data root, for as long as this process lives or until it is disposed. */
export interface DataRootLock extends AsyncDisposable {
  readonly owner: Owner;
}

/**
 * Takes a data root for this process alone. An exclusive transaction on `lock.db` that never ends is the lock: the kernel
 * lets go of it with the process, however that dies. `owner.json` beside it is for people.
 * @throws GantryError conflict `data-root-in-use`, which names the process and socket that have it.
 */
export async function lockDataRoot(dataRoot: string, socket: string | undefined): Promise<DataRootLock> {
  const db = new DatabaseSync(join(dataRoot, 'lock.db'));
  const ownerFile = join(dataRoot, 'owner.json');
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === busy) throw inUse(dataRoot, await readOwner(ownerFile), error);
    throw error;
  }
  const owner: Owner = { pid: process.pid, socket: socket ?? null, startedAt: now() };
  await writeFile(`${ownerFile}.new`, `${JSON.stringify(owner)}\n`, { mode: 0o600 });
  await rename(`${ownerFile}.new`, ownerFile);
  return {
    owner,
    async [Symbol.asyncDispose]() {
      await rm(ownerFile, { force: true });
      db.close();
    },
  };
}

/** Who has it, as far as the file tells; it may be from an engine that was killed. */
async function readOwner(file: string): Promise<Partial<Owner>> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {}; // being written, or never was: the sentence then names nobody
  }
}

function inUse(dataRoot: string, { pid, socket }: Partial<Owner>, cause: unknown): GantryError {
  const who = [typeof pid === 'number' ? `process ${pid}` : '', typeof socket === 'string' ? `listening on ${socket}` : ''].filter((part) => part !== '').join(' ');
  return new GantryError('conflict', 'data-root-in-use', `the data root ${dataRoot} is in use by another engine${who === '' ? '' : ` (${who})`}: talk to that one, stop it, or choose another data root`, {
    details: { dataRoot, ...(pid === undefined ? {} : { pid }), ...(socket === undefined ? {} : { socket }) },
    cause,
  });
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '@gantry/errors';
import { Fields } from './fields.ts';
import { exitRecord } from './keeper-wire.ts';
import type { ExitRecord } from './protocol.ts';

/**
 * How a container, or a process added to it, ended, as its keeper (or in its place the zygote) wrote it down. It is there before
 * anybody is told, and stays when the keeper is gone.
 *
 * @param dir The keeper's folder.
 * @returns `undefined`: there is no record.
 * @throws GantryError internal `native-protocol`: what is there is none. unavailable `exit-record-unreadable`.
 */
export async function readExit(dir: string, execId?: string): Promise<ExitRecord | undefined> {
  const path = execId === undefined ? join(dir, 'exit.json') : join(dir, 'execs', `${execId}.json`);
  let text: Buffer;
  try {
    text = await readFile(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) return undefined;
    throw new GantryError('unavailable', 'exit-record-unreadable', `Cannot read ${path}`, { cause, details: { path } });
  }
  return exitRecord(Fields.parse(text));
}

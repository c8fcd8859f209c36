import { readFile } from 'node:fs/promises';
import { isAbsent } from '../../state/guard.ts';
import { parsePsArguments } from './arguments.ts';
import type { Names } from './columns.ts';
import { allProcesses } from './process-info.ts';

/** All processes of the machine as ps(1) shows them. @throws `GantryError` invalid `ps-argument-unknown` */
export async function ps(args: readonly string[]): Promise<{ titles: string[]; rows: string[][] }> {
  const columns = parsePsArguments(args);
  const [processes, users, groups] = await Promise.all([allProcesses(), namesIn('/etc/passwd'), namesIn('/etc/group')]);
  const names: Names = { user: (uid) => users.get(uid) ?? String(uid), group: (gid) => groups.get(gid) ?? String(gid) };
  return { titles: columns.map(({ title }) => title), rows: processes.map((process) => columns.map(({ value }) => value(process, names))) };
}

/** Names by the number in the third field; the first line of a number counts. */
async function namesIn(path: string): Promise<ReadonlyMap<number, string>> {
  const names = new Map<number, string>();
  for (const line of (await readText(path)).split('\n')) {
    const [name, , number] = line.split(':');
    if (name !== undefined && number !== undefined && /^\d+$/.test(number) && !names.has(Number(number))) names.set(Number(number), name);
  }
  return names;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return '';
    throw error;
  }
}

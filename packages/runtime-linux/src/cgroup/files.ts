import { readdir, readFile } from 'node:fs/promises';
import type { Controller } from './hierarchy.ts';

/** Reads one file of a controller; undefined where the kernel has none. */
export type ReadController = (controller: Controller, file: string) => Promise<string | undefined>;

/** A small file of a control group; undefined: the kernel has no such file, or the group is gone. */
export async function readCgroupFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** `key value` lines, as memory.stat, cpu.stat and memory.events have them. */
export function keyed(text: string | undefined): ReadonlyMap<string, number> {
  const entries = (text ?? '').split('\n').flatMap((line): [string, number][] => {
    const [key, value] = line.split(' ');
    return key === undefined || value === undefined ? [] : [[key, Number(value)]];
  });
  return new Map(entries);
}

/** The one number of a file; `Infinity` for `max`, undefined if there is none. */
export function single(text: string | undefined): number | undefined {
  const value = text?.trim();
  if (value === undefined || value === '') return undefined;
  if (value === 'max') return Infinity;
  const number = Number(value);
  return Number.isNaN(number) ? undefined : number;
}

/** Processes of a group and of all groups below it, each once. */
export async function processes(dir: string): Promise<number[]> {
  const found = new Set<number>();
  const pending = [dir];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const text = await readCgroupFile(`${next}/cgroup.procs`);
    for (const line of (text ?? '').split('\n')) {
      const pid = Number(line);
      if (pid > 0) found.add(pid); // 0: of a PID namespace that we can't see into
    }
    pending.push(...(await children(next)));
  }
  return [...found];
}

async function children(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isDirectory() ? [`${dir}/${entry.name}`] : []));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** ENODEV: the group was removed while its file was open. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENODEV' || error.code === 'ENOTDIR');
}

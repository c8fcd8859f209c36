import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes this process's ID, as one step. An old file is replaced: the lock of the data root is what keeps daemons apart. */
export async function writePidfile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const next = `${path}.${process.pid}`;
  await writeFile(next, `${process.pid}\n`, { mode: 0o644 });
  await rename(next, path);
}

/** Removes it, if it is still ours. */
export async function removePidfile(path: string): Promise<void> {
  const content = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  if (content.trim() === String(process.pid)) await rm(path, { force: true });
}

import { createHash } from 'node:crypto';
import { existsSync, globSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The cgroups of the engine of a data root, in every hierarchy. */
export function cgroupsOf(dataRoot: string): string[] {
  const instance = createHash('sha256').update(dataRoot).digest('hex').slice(0, 8);
  return globSync(['/sys/fs/cgroup/*', '/sys/fs/cgroup/*/*']).filter((dir) => dir.includes(instance)).flatMap((dir) => [dir, ...globSync(`${dir}/**/`)]);
}

/** Folders of containers and snapshots below a data root, by name: what `rm` has to give back. */
export function foldersOf(dataRoot: string): string[] {
  if (!existsSync(dataRoot)) return [];
  return readdirSync(dataRoot, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => globSync(`${join(dataRoot, entry.name)}/*/*`).map((path) => path.slice(dataRoot.length)))
    .sort();
}

import { realpath, stat } from 'node:fs/promises';
import type { OciMount } from '@gantry/oci';
import { isBind, type MountSource } from './mounts.ts';

/**
 * Looks up the sources of all bind mounts on the host: links resolved, since the native side follows none, and whether
 * the target has to be a folder or a file. A source that is not there is left out; the plan then refuses it by name.
 */
export async function findSources(mounts: readonly OciMount[]): Promise<ReadonlyMap<string, MountSource>> {
  const wanted = new Set(mounts.filter(isBind).flatMap(({ source }) => (source?.startsWith('/') === true ? [source] : [])));
  const found = new Map<string, MountSource>();
  await Promise.all(
    [...wanted].map(async (source) => {
      try {
        const path = await realpath(source);
        found.set(source, { path, kind: (await stat(path)).isDirectory() ? 'dir' : 'file' });
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    }),
  );
  return found;
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

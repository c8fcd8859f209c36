import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes renames, creations and deletions in a folder survive a power cut. */
export async function syncDir(path: string): Promise<void> {
  const dir = await open(path, 'r');
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}

/** Writes a small new file and syncs its content; the folder's entry is left to the caller. */
export async function writeSynced(path: string, data: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(data);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Replaces a small file: after a crash at any instant it has the old or the new content; once resolved, the new. */
export async function replaceFile(path: string, data: string): Promise<void> {
  await writeSynced(`${path}.new`, data);
  await rename(`${path}.new`, path);
  await syncDir(dirname(path));
}

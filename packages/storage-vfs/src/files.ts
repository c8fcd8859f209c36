import { constants } from 'node:fs';
import { copyFile, rename } from 'node:fs/promises';

/** Renames; false: there is nothing of that name. */
export function moveIfThere(from: string, to: string): Promise<boolean> {
  return unlessAbsent(rename(from, to));
}

/** Copies a file, by reflink where the file system can; false: there is nothing of that name. */
export function copyIfThere(from: string, to: string): Promise<boolean> {
  return unlessAbsent(copyFile(from, to, constants.COPYFILE_FICLONE));
}

async function unlessAbsent(done: Promise<void>): Promise<boolean> {
  try {
    await done;
    return true;
  } catch (e) {
    if (e instanceof Error && 'code' in e && e.code === 'ENOENT') return false;
    throw e;
  }
}

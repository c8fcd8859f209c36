import { lstat, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GantryError } from '@gantry/errors';

/**
 * The real path of a plugin's folder, if nobody but root and ourselves can put another in its place: a plugin runs with
 * all our rights. `undefined` if there is no such folder. A folder on the way in which everybody may make files is fine
 * only with the sticky bit, under which they cannot rename ours.
 *
 * @throws GantryError forbidden `plugin-not-trusted`
 */
export async function trustedFolder(path: string): Promise<string | undefined> {
  const real = await realpath(path).catch((e: unknown) => {
    if (isMissing(e)) return undefined;
    throw e;
  });
  if (real === undefined) return undefined;
  for (let at = real; ; at = dirname(at)) {
    const { uid, mode } = await lstat(at);
    const ours = uid === 0 || uid === process.geteuid?.();
    const open = (mode & 0o022) !== 0 && ((mode & 0o1000) === 0 || at === real);
    if (!ours || open) {
      throw new GantryError('forbidden', 'plugin-not-trusted', `not loading a plugin from ${real}: ${at} ${ours ? 'is writable for others' : `belongs to user ${uid}`}; only root may be able to change it`, { details: { path: at } });
    }
    if (at === dirname(at)) return real;
  }
}

export function isMissing(e: unknown): boolean {
  return e instanceof Error && 'code' in e && (e.code === 'ENOENT' || e.code === 'ENOTDIR');
}

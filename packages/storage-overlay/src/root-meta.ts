import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { damaged, readJson } from './json-file.ts';

/**
 * Attributes of the root of a layer's tree. A new snapshot's root takes them from the layer below it: in an overlay the
 * topmost folder of a name decides. Kept beside the tree, so that making a snapshot, which a container waits for, needs no session.
 */
export interface RootMeta {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Base64. */
  readonly xattrs: Readonly<Record<string, string>>;
}

/** Of a snapshot over nothing. */
export const plainRoot: RootMeta = { mode: 0o755, uid: 0, gid: 0, xattrs: {} };

const file = 'root.json';

export async function writeRootMeta(dir: string, meta: RootMeta): Promise<void> {
  await writeFile(join(dir, file), JSON.stringify(meta), { mode: 0o600, flush: true });
}

/** @throws GantryError dataLoss */
export async function readRootMeta(dir: string): Promise<RootMeta> {
  const path = join(dir, file);
  const meta = await readJson(path, isRootMeta);
  if (meta === undefined) throw damaged(path);
  return meta;
}

function isRootMeta(value: unknown): value is RootMeta {
  if (typeof value !== 'object' || value === null || !('mode' in value) || !('uid' in value) || !('gid' in value) || !('xattrs' in value)) return false;
  const { mode, uid, gid, xattrs } = value;
  return [mode, uid, gid].every(Number.isSafeInteger) && typeof xattrs === 'object' && xattrs !== null && Object.values(xattrs).every((x) => typeof x === 'string');
}

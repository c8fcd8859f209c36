import { readFile } from 'node:fs/promises';
import { GantryError } from '@gantry/errors';

const defaultGroup = 'gantry';

/** Source: group(5), `name:password:gid:members`. */
async function gidOf(name: string): Promise<number | undefined> {
  for (const line of (await readFile('/etc/group', 'utf8')).split('\n')) {
    const [found, , gid] = line.split(':');
    if (found === name && gid !== undefined && /^\d{1,10}$/.test(gid)) return Number(gid);
  }
  return undefined;
}

/**
 * The group that may use the sockets, by name or number.
 * @param asked Undefined: `gantry` if there is such a group, else root's alone.
 * @throws GantryError notFound `no-such-group` for one that was asked for.
 */
export async function socketGroup(asked: string | undefined): Promise<number> {
  if (asked !== undefined && /^\d{1,10}$/.test(asked)) return Number(asked);
  const gid = await gidOf(asked ?? defaultGroup);
  if (gid !== undefined) return gid;
  if (asked === undefined) return process.getegid?.() ?? 0;
  throw new GantryError('notFound', 'no-such-group', `there is no group ${JSON.stringify(asked)} in /etc/group: make it with "groupadd ${asked}", or leave --group out`, { details: { group: asked } });
}

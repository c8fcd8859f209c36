import { GantryError } from '@gantry/errors';

/** Bytes of `/etc/passwd` or `/etc/group` that are read from an image: past it the file is refused, so that a hostile one costs nothing. */
export const userFileMaxBytes: number = 1024 * 1024;

const maxId = 2 ** 31 - 1;
const maxGroups = 65_536; // NGROUPS_MAX

/** Who a process runs as. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** All supplementary groups, the primary one first, none twice: what setgroups(2) is given. */
  readonly additionalGids: readonly number[];
  /** From passwd, else `/`. */
  readonly home: string;
  /** The name in passwd of this uid, if it has one. */
  readonly name?: string;
}

interface Passwd {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/**
 * Whom `spec` means inside an image: `user`, `uid`, `user:group`, `uid:gid` in any mixture, or empty for root.
 *
 * - What consists of digits is a number and nothing else: it is never looked up as a name, and must lie in 0..2147483647.
 * - A number need not stand in passwd or group; a name must.
 * - Without a group, the passwd entry's group is primary and every group that lists the user is supplementary; with one,
 *   only that. `groupAdd` (names or numbers) comes on top. The primary group is always among the supplementary ones.
 * - Lines of the files that do not have numbers where numbers belong are skipped.
 *
 * @param passwd content of `/etc/passwd` in the image; empty if it has none
 * @param group content of `/etc/group` in the image; empty if it has none
 * @throws `GantryError` invalid: `user-not-found`, `group-not-found`, `id-out-of-range`, with Docker's sentences; exhausted `user-file-too-large`
 */
export function resolveUser(spec: string, passwd: Uint8Array | string, group: Uint8Array | string, groupAdd: readonly string[] = []): ResolvedUser {
  const [userPart = '', groupPart = ''] = spec.split(':');
  const users = parsePasswd(text(passwd, '/etc/passwd'));
  const groups = parseGroup(text(group, '/etc/group'));

  const wantedUid = userPart === '' ? 0 : parseId(userPart);
  const entry = users.find((user) => (wantedUid === undefined ? user.name === userPart : user.uid === wantedUid));
  if (entry === undefined && wantedUid === undefined) {
    throw new GantryError('invalid', 'user-not-found', `unable to find user ${userPart}: no matching entries in passwd file`, { details: { user: userPart } });
  }
  const uid = entry?.uid ?? wantedUid ?? 0;

  let gid = entry?.gid ?? 0;
  let supplementary: readonly number[] = [];
  if (groupPart !== '') gid = groupId(groupPart, groups, 'unable to find group');
  else if (entry !== undefined) supplementary = groups.filter((g) => g.members.includes(entry.name)).map((g) => g.gid);

  const added = groupAdd.map((name) => groupId(name, groups, 'Unable to find group'));
  const additionalGids = [...new Set([gid, ...supplementary, ...added])];
  if (additionalGids.length > maxGroups) {
    throw new GantryError('invalid', 'too-many-groups', `user ${spec} is in ${additionalGids.length} groups, the kernel takes ${maxGroups}`);
  }
  return { uid, gid, additionalGids, home: entry === undefined || entry.home === '' ? '/' : entry.home, ...(entry === undefined ? {} : { name: entry.name }) };
}

function groupId(wanted: string, groups: readonly Group[], prefix: string): number {
  const id = parseId(wanted);
  if (id !== undefined) return id;
  const found = groups.find((g) => g.name === wanted);
  if (found !== undefined) return found.gid;
  throw new GantryError('invalid', 'group-not-found', `${prefix} ${wanted}: no matching entries in group file`, { details: { group: wanted } });
}

/** The number that a user or group is given as; undefined for a name. */
function parseId(value: string): number | undefined {
  if (!/^[+-]?\d+$/.test(value)) return undefined;
  const id = /^\d+$/.test(value) ? strictId(value) : undefined;
  if (id === undefined) throw new GantryError('invalid', 'id-out-of-range', 'uids and gids must be in range 0-2147483647', { details: { id: value } });
  return id;
}

/** A decimal of at most ten digits in range. Longer ones are not even converted, so that nothing wraps or rounds. */
function strictId(digits: string): number | undefined {
  if (!/^\d+$/.test(digits)) return undefined;
  const significant = digits.replace(/^0+(?=\d)/, '');
  const id = significant.length > 10 ? Infinity : Number(significant);
  return id <= maxId ? id : undefined;
}

function text(content: Uint8Array | string, path: string): string {
  const bytes = typeof content === 'string' ? content.length : content.byteLength;
  if (bytes > userFileMaxBytes) {
    throw new GantryError('exhausted', 'user-file-too-large', `${path} of the image is larger than ${userFileMaxBytes} bytes: give the user as numbers (uid:gid)`, {
      details: { path, limit: userFileMaxBytes },
    });
  }
  return typeof content === 'string' ? content : new TextDecoder().decode(content);
}

function* records(content: string): Generator<readonly string[]> {
  for (const raw of content.split('\n')) {
    const line = raw.trim();
    if (line !== '') yield line.split(':');
  }
}

function parsePasswd(content: string): readonly Passwd[] {
  const users: Passwd[] = [];
  for (const [name = '', , uidText = '', gidText = '', , home = ''] of records(content)) {
    const uid = strictId(uidText);
    const gid = strictId(gidText);
    if (name !== '' && uid !== undefined && gid !== undefined) users.push({ name, uid, gid, home });
  }
  return users;
}

function parseGroup(content: string): readonly Group[] {
  const groups: Group[] = [];
  for (const [name = '', , gidText = '', members = ''] of records(content)) {
    const gid = strictId(gidText);
    if (name !== '' && gid !== undefined) groups.push({ name, gid, members: members.split(',') });
  }
  return groups;
}

import { createHash } from 'node:crypto';
import { openFsSession, type FsEntry, type FsStat, type NativeEndpoint } from '@gantry/linux';

/** Each path of a tree, `/` first, with all that is to be seen of it; `~` stands for bytes that are not UTF-8. */
export type Tree = Readonly<Record<string, string>>;

/** Longer contents are told by their digest. */
const longest = 200;

/**
 * Looks at a tree as a container would see it.
 *
 * @param o.mtime Tell modification times too; not of the root, which few tars name.
 */
export async function readTree(native: NativeEndpoint, root: string, o: { readonly mtime?: boolean } = {}): Promise<Tree> {
  await using session = await openFsSession(native, { root, readonly: true });
  const tree: Record<string, string> = {};
  let content: Buffer[] = [];
  let path = '';
  for await (const item of session.walkData('', { xattrs: true })) {
    if (item.kind === 'entry') {
      path = `/${name(item.entry.path)}`;
      content = [];
      const seen = describe(item.entry, o.mtime === true);
      tree[path] = item.entry.type === 'file' && item.entry.size === 0 ? `${seen} ""` : seen;
    } else if (item.kind === 'end') {
      tree[path] = `${tree[path] ?? ''} ${text(Buffer.concat(content))}`;
    } else {
      content.push(item.kind === 'data' ? Buffer.from(item.data) : Buffer.alloc(item.bytes));
    }
  }
  return tree;
}

function describe(entry: FsEntry, mtime: boolean): string {
  if (entry.hardlink !== undefined) return `hardlink to /${name(entry.hardlink)}`; // all else is told there
  const xattrs = [...entry.xattrs].map(([key, value]) => `${key}=${Buffer.from(value).toString('hex')}`).sort();
  return [kind(entry), entry.type === 'symlink' ? '' : entry.mode.toString(8), `${entry.uid}:${entry.gid}`, ...(mtime && entry.path.length > 0 ? [`@${entry.mtimeNs}`] : []), ...xattrs].filter((part) => part !== '').join(' ');
}

function kind(stat: FsStat): string {
  switch (stat.type) {
    case 'symlink':
      return `symlink to ${name(stat.link)}`;
    case 'char':
    case 'block':
      return `${stat.type} ${stat.major}:${stat.minor}`;
    default:
      return stat.type;
  }
}

function text(content: Buffer): string {
  return content.length <= longest ? JSON.stringify(content.toString()) : `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function name(bytes: Buffer): string {
  const decoded = bytes.toString();
  return Buffer.from(decoded).equals(bytes) ? decoded : `~${bytes.toString('hex')}`;
}

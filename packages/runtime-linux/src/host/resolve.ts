import { GantryError, isGantryError } from '@gantry/errors';
import type { FsSession } from '@gantry/linux';

/** As the kernel's limit (path_resolution(7)). */
const maxLinks = 40;

const maxComponents = 4096;

/**
 * Resolves the links in a path inside a tree, as if the tree were the root: absolute links begin at it, `..` does not
 * leave it. The result has no link in it but for the last component, which is left alone unless `follow` is set.
 *
 * The tree may change meanwhile. That is no danger, since the operation that the result is for refuses links: it fails,
 * at worst. What does not exist ends the search, and the rest of the path is kept as it is.
 *
 * @throws `GantryError` invalid `path-loop`: too many links
 */
export async function resolveInTree(session: FsSession, path: string, follow: boolean): Promise<string> {
  if (path.includes('\0')) throw new GantryError('invalid', 'path-invalid', 'a path must not contain a NUL character');
  const pending = components(path);
  const found: string[] = [];
  let links = 0;
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === '..') {
      found.pop();
      continue;
    }
    const here = [...found, name].join('/');
    const link = follow || pending.length > 0 ? await linkAt(session, here) : undefined;
    if (link === 'absent') return `/${[here, ...pending.filter((part) => part !== '..')].join('/')}`;
    if (link === undefined) {
      found.push(name);
      continue;
    }
    links += 1;
    const target = components(link.target);
    if (links > maxLinks || target.length + pending.length > maxComponents) throw new GantryError('invalid', 'path-loop', `${path} has too many symbolic links`, { details: { path } });
    if (link.target.startsWith('/')) found.length = 0;
    pending.unshift(...target);
  }
  return `/${found.join('/')}`;
}

function components(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

async function linkAt(session: FsSession, path: string): Promise<{ readonly target: string } | 'absent' | undefined> {
  try {
    const stat = await session.stat(path);
    return stat.type === 'symlink' ? { target: stat.link.toString() } : undefined;
  } catch (error) {
    if (isGantryError(error) && error.kind === 'notFound') return 'absent';
    throw error;
  }
}

import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readlinkSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What is at a path, told by Node alone, so that it says something about what we made. */
export function pictureOf(root: string, o: { readonly times?: boolean; readonly owners?: boolean } = {}): string[] {
  const all: string[] = [];
  const inodes = new Map<bigint, string>();
  const visit = (path: Buffer): void => {
    const full = path.length === 0 ? Buffer.from(root) : Buffer.concat([Buffer.from(`${root}/`), path]);
    const s = lstatSync(full, { bigint: true });
    const kind = s.isFile() ? 'file' : s.isDirectory() ? 'dir' : s.isSymbolicLink() ? 'symlink' : s.isFIFO() ? 'fifo' : s.isSocket() ? 'socket' : s.isCharacterDevice() ? 'char' : 'block';
    const name = path.toString('latin1');
    const first = inodes.get(s.ino);
    if (!s.isDirectory() && s.nlink > 1n && first === undefined) inodes.set(s.ino, name);
    const what = s.isFile() ? createHash('sha256').update(readFileSync(full)).digest('hex').slice(0, 16) : s.isSymbolicLink() ? readlinkSync(full, 'buffer').toString('latin1') : kind === 'char' || kind === 'block' ? String(s.rdev) : '';
    all.push([name, kind, s.isSymbolicLink() ? '' : (s.mode & 0o7777n).toString(8), s.isDirectory() ? '' : s.size, s.isDirectory() ? '' : s.nlink, first ?? '', what, ...(o.owners === false ? [] : [s.uid, s.gid]), ...(o.times === false ? [] : [s.mtimeNs])].join(' '));
    if (!s.isDirectory()) return;
    for (const child of readdirSync(full, { encoding: 'buffer' }).sort((a, b) => Buffer.compare(a, b))) visit(path.length === 0 ? child : Buffer.concat([path, Buffer.from('/'), child]));
  };
  visit(Buffer.alloc(0));
  return all;
}

export function exists(root: string, path: string): boolean {
  try {
    lstatSync(join(root, path));
    return true;
  } catch {
    return false;
  }
}

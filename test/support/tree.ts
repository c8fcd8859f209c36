import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export interface Entry {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeNs: string;
  readonly rdev: number;
  readonly nlink: number;
  /** The first path, in order, of all that are one file. */
  readonly same: string;
  readonly content?: string;
  readonly link?: string;
  readonly xattrs?: string;
}

/** Everything that a layer says of each path below a folder. */
export function describeTree(root: string): Map<string, Entry> {
  const out = new Map<string, Entry>();
  const first = new Map<bigint, string>();
  const xattrs = extendedAttributes(root);
  const visit = (path: string): void => {
    const full = join(root, path);
    const s = lstatSync(full, { bigint: true });
    if (!first.has(s.ino)) first.set(s.ino, path);
    const directory = s.isDirectory();
    out.set(path, {
      mode: Number(s.mode), uid: Number(s.uid), gid: Number(s.gid), mtimeNs: String(s.mtimeNs), rdev: Number(s.rdev),
      // Of a directory the file system decides.
      size: directory ? 0 : Number(s.size), nlink: directory ? 0 : Number(s.nlink),
      same: first.get(s.ino) ?? path,
      ...(s.isFile() ? { content: createHash('sha256').update(readFileSync(full)).digest('hex') } : {}),
      ...(s.isSymbolicLink() ? { link: readlinkSync(full) } : {}),
      ...(xattrs.has(path) ? { xattrs: xattrs.get(path) ?? '' } : {}),
    });
    if (directory) for (const name of readdirSync(full).sort()) visit(join(path, name));
  };
  // The folder itself is whoever made it, not the layer.
  for (const name of readdirSync(root).sort()) visit(name);
  return out;
}

function extendedAttributes(root: string): Map<string, string> {
  const script = `
import os, sys, json
root = sys.argv[1]
out = {}
for folder, dirs, files in os.walk(root):
    for name in dirs + files:
        path = os.path.join(folder, name)
        names = os.listxattr(path, follow_symlinks=False)
        if names:
            out[os.path.relpath(path, root)] = sorted((n, os.getxattr(path, n, follow_symlinks=False).hex()) for n in names)
print(json.dumps(out))`;
  const text = execFileSync('python3', ['-c', script, root], { encoding: 'utf8', maxBuffer: 64 << 20 });
  return new Map(Object.entries(JSON.parse(text) as Readonly<Record<string, unknown>>).map(([path, value]) => [path, JSON.stringify(value)]));
}

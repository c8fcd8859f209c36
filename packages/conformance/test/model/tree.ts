import type { TarEntry, TarInput } from '@gantry/archive';
import { readTar, writeTar } from '@gantry/archive';
import { GantryError } from '@gantry/errors';
import type { FsEntry, FsSession } from '@gantry/linux';

/** An inode; names that are hard links share one object. */
export interface Node {
  readonly type: 'file' | 'dir' | 'fifo' | 'symlink' | 'char' | 'block';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  readonly data?: Uint8Array;
  readonly link?: Uint8Array;
  readonly major?: number;
  readonly minor?: number;
}

/** Paths as byte strings (one character per byte); the root is the empty one. */
export type Tree = Map<string, Node>;

export function emptyTree(): Tree {
  return new Map([['', { type: 'dir', mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n, xattrs: new Map() }]]);
}

interface Entry {
  readonly header: TarEntry['header'];
  readonly data: Uint8Array;
}

export async function readEntries(tar: Uint8Array): Promise<Entry[]> {
  const out: Entry[] = [];
  for await (const { header, content } of readTar(once(tar))) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push('data' in chunk ? chunk.data : Buffer.alloc(chunk.hole));
    out.push({ header, data: Buffer.concat(chunks) });
  }
  return out;
}

/** The tree that a tar makes of another: whiteouts first, since they mean only what was below. */
export function apply(below: Tree, entries: readonly Entry[], o: { readonly strict: boolean }): Tree {
  const tree = new Map(below);
  for (const { header } of entries) {
    const path = header.path.toString('latin1');
    const [folder, name] = split(path);
    if (name === '.wh..wh..opq') removeBelow(tree, folder, new Set());
    else if (name.startsWith('.wh.')) remove(tree, under(folder, hidden(name)));
  }
  for (const { header, data } of entries) {
    const path = header.path.toString('latin1');
    if (split(path)[1].startsWith('.wh.')) continue;
    if (path === '' && header.type !== 'dir') continue;
    makeFolders(tree, path);
    const node = nodeOf(header, data, tree, o.strict);
    if (node === undefined) continue;
    if (!(node.type === 'dir' && tree.get(path)?.type === 'dir')) remove(tree, path);
    tree.set(path, node);
  }
  return tree;
}

function hidden(name: string): string {
  const of = name.slice('.wh.'.length);
  if (of === '' || of === '.' || of === '..') throw new GantryError('invalid', 'bad-whiteout', `${name} hides nothing`);
  return of;
}

function nodeOf(header: TarEntry['header'], data: Uint8Array, tree: Tree, strict: boolean): Node | undefined {
  if (header.type === 'hardlink') {
    const target = tree.get(header.link.toString('latin1'));
    if ((target === undefined || target.type === 'dir') && strict) throw new GantryError('invalid', 'link-target-missing', 'a hard link to nothing');
    return target?.type === 'dir' ? undefined : target;
  }
  const { mode, uid, gid, mtimeNs, xattrs } = header;
  const common = { mode, uid, gid, mtimeNs, xattrs };
  switch (header.type) {
    case 'file':
      return { ...common, type: 'file', data };
    case 'symlink':
      return { ...common, type: 'symlink', link: header.link };
    case 'char':
    case 'block':
      return { ...common, type: header.type, major: header.major, minor: header.minor };
    default:
      return { ...common, type: header.type };
  }
}

function makeFolders(tree: Tree, path: string): void {
  const parts = path.split('/');
  for (let n = 1; n < parts.length; n++) {
    const folder = parts.slice(0, n).join('/');
    const there = tree.get(folder);
    if (there?.type === 'symlink') throw new GantryError('invalid', 'through-a-link', `${path} leads through a symbolic link`);
    if (there?.type === 'dir') continue;
    remove(tree, folder);
    tree.set(folder, { type: 'dir', mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n, xattrs: new Map() });
  }
}

export function remove(tree: Tree, path: string): void {
  tree.delete(path);
  removeBelow(tree, path, new Set());
}

function removeBelow(tree: Tree, folder: string, keep: ReadonlySet<string>): void {
  const prefix = folder === '' ? '' : `${folder}/`;
  for (const path of tree.keys()) if (path !== '' && path.startsWith(prefix) && !keep.has(path)) tree.delete(path);
}

/** Makes a tree real, in an empty folder. */
export async function write(session: FsSession, tree: Tree): Promise<void> {
  const batch = session.batch();
  const seen = new Map<Node, string>();
  const paths = [...tree.keys()].filter((path) => path !== '').sort();
  const at = (path: string): Buffer => Buffer.from(path === '' ? '.' : path, 'latin1');
  for (const path of paths) {
    const node = tree.get(path);
    if (node === undefined) continue;
    const first = seen.get(node);
    if (first !== undefined && node.type !== 'dir') {
      batch.hardlink(at(path), at(first));
      continue;
    }
    seen.set(node, path);
    const { mode, uid, gid, mtimeNs, xattrs } = node;
    const meta = { mode, uid, gid, mtimeNs, xattrs };
    switch (node.type) {
      case 'dir':
        batch.mkdir(at(path), meta);
        break;
      case 'file':
        batch.file(at(path), meta, node.data ?? new Uint8Array());
        break;
      case 'symlink':
        batch.symlink(at(path), node.link ?? new Uint8Array(), meta);
        break;
      default:
        batch.mknod(at(path), node.type === 'fifo' ? { type: 'fifo' } : { type: node.type, major: node.major ?? 0, minor: node.minor ?? 0 }, meta);
    }
    await batch.drain();
  }
  for (const path of paths.toReversed()) {
    const node = tree.get(path);
    if (node?.type === 'dir') batch.utimes(at(path), node.mtimeNs);
  }
  const root = tree.get('');
  if (root !== undefined) {
    batch.chown(at(''), root.uid, root.gid);
    batch.chmod(at(''), root.mode);
    for (const [name, value] of root.xattrs) batch.setxattr(at(''), name, value);
  }
  await batch.close();
}

export async function read(session: FsSession): Promise<Tree> {
  const tree: Tree = new Map();
  let content: Uint8Array[] = [];
  let last: { path: string; node: Node } | undefined;
  for await (const item of session.walkData('', { xattrs: true })) {
    if (item.kind === 'entry') {
      const path = item.entry.path.toString('latin1');
      const first = item.entry.hardlink === undefined ? undefined : tree.get(item.entry.hardlink.toString('latin1'));
      const node = first ?? fromEntry(item.entry);
      tree.set(path, node);
      [last, content] = [{ path, node }, []];
    } else if (item.kind === 'end' && last !== undefined) {
      tree.set(last.path, { ...last.node, data: Buffer.concat(content) });
    } else if (item.kind !== 'end') {
      content.push(item.kind === 'data' ? Uint8Array.from(item.data) : new Uint8Array(item.bytes));
    }
  }
  return tree;
}

function fromEntry(entry: FsEntry): Node {
  const { mode, uid, gid, mtimeNs, xattrs, type } = entry;
  if (type === 'socket') throw new GantryError('invalid', 'socket', 'a socket in a snapshot');
  const common = { mode, uid, gid, mtimeNs, xattrs: new Map(xattrs) };
  if (type === 'symlink') return { ...common, type, link: entry.link };
  if (type === 'char' || type === 'block') return { ...common, type, major: entry.major, minor: entry.minor };
  return { ...common, type };
}

export interface Difference {
  readonly path: string;
  readonly kind: 'add' | 'modify' | 'delete';
}

/** Parents first; what is below a deleted folder is not told. */
export function compare(before: Tree, now: Tree): Difference[] {
  const added = [...now.keys()].filter((path) => path !== '').flatMap((path): Difference[] => {
    const old = before.get(path);
    const node = now.get(path);
    if (node === undefined || (old !== undefined && same(old, node))) return [];
    return [{ path, kind: old === undefined ? 'add' : 'modify' }];
  });
  const deleted = [...before.keys()].filter((path) => !now.has(path) && now.get(split(path)[0])?.type === 'dir');
  return [...added, ...deleted.map((path): Difference => ({ path, kind: 'delete' }))].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function same(a: Node, b: Node): boolean {
  const text = (n: Node): string =>
    JSON.stringify([n.type, n.mode, n.uid, n.gid, String(n.mtimeNs), [...n.xattrs].map(([k, v]) => [k, Buffer.from(v).toString('hex')]).sort(), n.data && Buffer.from(n.data).toString('hex'), n.link && Buffer.from(n.link).toString('hex'), n.major, n.minor]);
  return text(a) === text(b);
}

/** As a tar over `before`. */
export function toTar(before: Tree, now: Tree): AsyncIterable<Uint8Array> {
  const changed = compare(before, now);
  const firsts = new Map<Node, string>();
  const inputs = changed.map(({ path, kind }): TarInput => {
    const [folder, name] = split(path);
    if (kind === 'delete') return { type: 'file', path: Buffer.from(under(folder, `.wh.${name}`), 'latin1'), data: new Uint8Array() };
    const node = now.get(path);
    if (node === undefined) throw new GantryError('internal', 'model', path);
    const first = firsts.get(node);
    const common = { path: Buffer.from(path, 'latin1'), mode: node.mode, uid: node.uid, gid: node.gid, mtimeNs: node.mtimeNs, xattrs: node.xattrs };
    if (first !== undefined) return { ...common, type: 'hardlink', link: Buffer.from(first, 'latin1') };
    if (node.type !== 'dir') firsts.set(node, path);
    switch (node.type) {
      case 'file':
        return { ...common, type: 'file', data: node.data ?? new Uint8Array() };
      case 'symlink':
        return { ...common, type: 'symlink', link: node.link ?? new Uint8Array() };
      case 'char':
      case 'block':
        return { ...common, type: node.type, major: node.major ?? 0, minor: node.minor ?? 0 };
      default:
        return { ...common, type: node.type };
    }
  });
  const root = now.get('');
  const top: TarInput[] = root === undefined ? [] : [{ type: 'dir', path: './', mode: root.mode, uid: root.uid, gid: root.gid, mtimeNs: root.mtimeNs, xattrs: root.xattrs }];
  return writeTar([...top, ...inputs]);
}

function split(path: string): [folder: string, name: string] {
  const slash = path.lastIndexOf('/');
  return [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)];
}

function under(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

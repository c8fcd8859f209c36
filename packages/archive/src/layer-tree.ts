import { quoted, tarInvalid } from './tar-error.ts';

/** What an archive has made of a name so far. */
type Kind =
  /** Nothing, or a whiteout. */
  | 'absent'
  /** A directory made because something lies in it. */
  | 'implied'
  | 'dir'
  /** Anything but a directory. */
  | 'leaf'
  /** A hard link to something below this layer: not made. */
  | 'external';

/** What a directory is given once nothing is made in it any more. */
export interface Later {
  readonly mtimeNs: bigint;
  /** A default ACL would be inherited by what is made in the directory. */
  readonly defaultAcl?: Buffer;
}

/** A name in the archive. Names are byte strings (one character per byte). */
export class LayerNode {
  kind: Kind = 'absent';
  /** What is below this layer is hidden: the archive has a whiteout of this name, or replaced something by it. */
  whiteout = false;
  /** Nothing shines through a directory from below: marked opaque, or emptied. */
  opaque = false;
  later: Later | undefined;
  link: { readonly target: string; readonly serial: number } | undefined;
  children: Map<string, LayerNode> | undefined;

  get isDir(): boolean {
    return this.kind === 'dir' || this.kind === 'implied';
  }

  child(name: string): LayerNode {
    this.children ??= new Map();
    let node = this.children.get(name);
    if (node === undefined) {
      node = new LayerNode();
      this.children.set(name, node);
    }
    return node;
  }

  /** Becomes something else; what was known below it is gone. */
  become(kind: Kind): void {
    if (kind === 'leaf' || kind === 'external' || !this.isDir) {
      this.children = undefined;
      this.later = undefined;
      this.opaque = false;
    }
    // What stood here took the place of what is below, and goes on to hide it.
    if (this.kind === 'leaf' || this.kind === 'external') this.whiteout = true;
    this.link = undefined;
    this.kind = kind;
  }
}

/** Makes a directory that is not there yet. */
export type MakeImplied = (node: LayerNode, path: string, hidden: boolean) => void;

/** A directory, and whether what is below this layer is hidden in it. */
export interface Place {
  readonly node: LayerNode;
  readonly hidden: boolean;
}

/** All names that an archive has made so far. It is about names only: the tree on disk has a guard of its own. */
export class LayerTree {
  readonly root: LayerNode = new LayerNode();
  readonly #implied: MakeImplied;
  /** Most entries lie in the directory of the entry before. */
  #lastPath: string | undefined;
  #last: Place;

  constructor(implied: MakeImplied) {
    this.#implied = implied;
    this.root.kind = 'dir';
    this.#last = { node: this.root, hidden: false };
  }

  /**
   * A directory by its path, made with all above it where the archive did not name it.
   *
   * @throws GantryError invalid `tar-not-a-directory`: a part of it is something else in this archive.
   */
  directory(path: string, offset: number): Place {
    if (path === this.#lastPath) return this.#last;
    let node = this.root;
    let hidden = node.opaque;
    if (path !== '') {
      for (let start = 0; start <= path.length; ) {
        const slash = path.indexOf('/', start);
        const end = slash === -1 ? path.length : slash;
        node = node.child(path.slice(start, end));
        if (node.kind === 'leaf' || node.kind === 'external') {
          throw tarInvalid(offset, `something lies in ${quoted(Buffer.from(path.slice(0, end), 'latin1'))}, which is no directory in this archive`, 'tar-not-a-directory');
        }
        if (node.kind === 'absent') {
          node.become('implied');
          this.#implied(node, path.slice(0, end), hidden);
        }
        hidden ||= node.opaque;
        start = end + 1;
      }
    }
    this.#lastPath = path;
    this.#last = { node, hidden };
    return this.#last;
  }

  /** A name that the archive has made, if it has. */
  find(path: string): LayerNode | undefined {
    let node: LayerNode | undefined = this.root;
    for (let start = 0; start <= path.length && node !== undefined; ) {
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      node = node.children?.get(path.slice(start, end));
      start = end + 1;
    }
    return node;
  }

  /** A directory has become something else, or has been marked: what is remembered may be wrong. */
  forget(): void {
    this.#lastPath = undefined;
  }

  /** Every name with its path, parents first. */
  *walk(): Generator<readonly [path: string, node: LayerNode], void, void> {
    const stack: (readonly [string, LayerNode])[] = [['', this.root]];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      yield top;
      const [path, node] = top;
      if (node.children === undefined) continue;
      for (const [name, child] of node.children) {
        // Leaves are of no interest to anybody.
        if (child.isDir || child.kind === 'external') stack.push([path === '' ? name : `${path}/${name}`, child]);
      }
    }
  }
}

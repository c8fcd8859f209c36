import type { FsBatch, FsCreateOptions, FsMeta, FsMkdirOptions } from '@gantry/linux';
import type { ExternalLink } from './apply-types.ts';
import { LayerTree, type LayerNode } from './layer-tree.ts';
import { quoted, tarInvalid } from './tar-error.ts';
import type { TarHandler } from './tar-parser.ts';
import type { TarHeader } from './tar-types.ts';
import { isBookKeeping, markerOf, refuseWhiteoutParents } from './whiteout.ts';

export interface TreeWriterOptions {
  /** `overlay` and `apply` as in `ApplyLayerOptions`; `plain`: names that look like whiteouts mean nothing. */
  readonly mode: 'overlay' | 'apply' | 'plain';
  /** Everything goes below this path of the root, through links inside the root. Mode `plain` only. */
  readonly below?: Buffer;
  readonly chown?: { readonly uid: number; readonly gid: number };
  readonly keepTypes?: boolean;
}

/** What a finished archive has made. */
export interface TreeSummary {
  readonly contentBytes: number;
  readonly whiteouts: number;
  readonly opaques: number;
  readonly opaqueRoot: boolean;
  readonly implied: readonly Buffer[];
  readonly externalLinks: readonly ExternalLink[];
  readonly droppedXattrs: number;
}

type File = Extract<TarHeader, { type: 'file' }>;

/** Whose content comes: nobody's that counts, a file's as a whole, or a file's that is open. */
type Content = { readonly kind: 'skip' } | { readonly kind: 'wait'; readonly path: Buffer; readonly meta: FsMeta; readonly size: number } | { readonly kind: 'open' };

const skip: Content = { kind: 'skip' };
const empty = Buffer.alloc(0);
const defaultAcl = 'system.posix_acl_default';
/** Marks of overlayfs, which would speak to the kernel in the storage driver's name. */
const overlayXattr = /^(trusted|user)\.overlay\./;
/** Operations between two looks at the queue. */
const breath = 1024;

/** Turns what a parser tells into operations on a tree. Decides everything that can be decided from the archive alone. */
export class TreeWriter implements TarHandler {
  readonly #batch: FsBatch;
  readonly #mode: TreeWriterOptions['mode'];
  readonly #prefix: string;
  readonly #chown: TreeWriterOptions['chown'];
  readonly #create: FsCreateOptions;
  readonly #implied: FsMkdirOptions;
  readonly #named: FsMkdirOptions;
  readonly #tree: LayerTree;
  #content: Content = skip;
  #contentBytes = 0;
  #whiteouts = 0;
  #opaques = 0;
  #droppedXattrs = 0;
  #links = 0;

  constructor(batch: FsBatch, options: TreeWriterOptions) {
    this.#batch = batch;
    this.#mode = options.mode;
    this.#prefix = options.below === undefined || options.below.length === 0 ? '' : `${options.below.toString('latin1')}/`;
    this.#chown = options.chown;
    const followParents = options.mode === 'plain';
    this.#create = { existing: options.keepTypes === true ? 'same-kind' : 'replace', followParents };
    // What a container has in the way of a directory that the archive does not even name is not taken from it.
    this.#implied = { ...this.#create, ...(options.mode === 'plain' ? { existing: 'same-kind' } : {}), keep: true };
    this.#named = { ...this.#create, clearXattrs: options.mode !== 'plain' };
    this.#tree = new LayerTree((node, path, hidden) => {
      this.#makeImplied(node, path, hidden);
    });
  }

  entry(header: TarHeader, offset: number): void {
    this.#content = skip;
    const path = header.path.toString('latin1');
    if (path === '') {
      if (this.#mode !== 'plain') this.#directory(this.#tree.root, path, header, false);
      return;
    }
    const cut = path.lastIndexOf('/');
    const parent = cut === -1 ? '' : path.slice(0, cut);
    const name = path.slice(cut + 1);
    if (this.#mode !== 'plain' && this.#marker(parent, name, offset)) return;
    const place = this.#tree.directory(parent, offset);
    const node = place.node.child(name);
    switch (header.type) {
      case 'dir':
        this.#directory(node, path, header, place.hidden);
        return;
      case 'hardlink':
        this.#hardlink(node, path, header.link.toString('latin1'), offset);
        return;
      case 'file':
        this.#leaf(node);
        this.#beginFile(path, header);
        return;
      case 'symlink':
        this.#leaf(node);
        this.#batch.symlink(this.#at(path), header.link, this.#meta(header), this.#create);
        return;
      default:
        this.#leaf(node);
        this.#batch.mknod(this.#at(path), header, this.#meta(header), this.#create);
    }
  }

  data(bytes: Buffer): void {
    const content = this.#content;
    if (content.kind === 'skip') return;
    if (content.kind === 'wait') {
      if (bytes.length === content.size) {
        this.#batch.file(content.path, content.meta, bytes, this.#create);
        this.#content = skip;
        return;
      }
      this.#open(content);
    }
    this.#batch.data(bytes);
  }

  hole(bytes: number): void {
    if (this.#content.kind === 'wait') this.#open(this.#content);
    if (this.#content.kind === 'open') this.#batch.hole(bytes);
  }

  end(): void {
    const content = this.#content;
    if (content.kind === 'wait') this.#batch.file(content.path, content.meta, empty, this.#create);
    else if (content.kind === 'open') this.#batch.fileEnd();
    this.#content = skip;
  }

  /** Gives the directories what they get last, and sums up. `flow` is awaited now and then, so that the queue stays bounded. */
  async finish(flow: () => Promise<void>): Promise<TreeSummary> {
    const implied: Buffer[] = [];
    const links: { readonly path: Buffer; readonly target: Buffer; readonly serial: number }[] = [];
    let steps = 0;
    for (const [path, node] of this.#tree.walk()) {
      if (node.later !== undefined) {
        const { mtimeNs, defaultAcl: acl } = node.later;
        if (acl !== undefined) this.#batch.setxattr(this.#at(path), defaultAcl, acl, this.#create);
        this.#batch.utimes(this.#at(path), mtimeNs, this.#create);
      }
      if (node.kind === 'implied' && this.#mode === 'overlay') implied.push(Buffer.from(path, 'latin1'));
      if (node.link !== undefined) links.push({ path: Buffer.from(path, 'latin1'), target: Buffer.from(node.link.target, 'latin1'), serial: node.link.serial });
      steps += 1;
      if (steps % breath === 0) await flow();
    }
    implied.sort((a, b) => Buffer.compare(a, b));
    links.sort((a, b) => a.serial - b.serial);
    return {
      contentBytes: this.#contentBytes,
      whiteouts: this.#whiteouts,
      opaques: this.#opaques,
      opaqueRoot: this.#tree.root.opaque,
      implied,
      externalLinks: links.map(({ path, target }) => ({ path, target })),
      droppedXattrs: this.#droppedXattrs,
    };
  }

  #beginFile(path: string, header: File): void {
    this.#contentBytes += header.size;
    this.#content = { kind: 'wait', path: this.#at(path), meta: this.#meta(header), size: header.size };
  }

  #open(content: Extract<Content, { kind: 'wait' }>): void {
    this.#batch.fileBegin(content.path, content.meta, this.#create);
    this.#content = { kind: 'open' };
  }

  /** True: the name spoke about the layers below, and was dealt with. */
  #marker(parent: string, name: string, offset: number): boolean {
    if (isBookKeeping(parent)) return true;
    refuseWhiteoutParents(parent, offset);
    const marker = markerOf(name, offset);
    switch (marker.kind) {
      case 'none':
        return false;
      case 'ignored':
        return true;
      case 'opaque': {
        this.#opaques += 1;
        const { node, hidden } = this.#tree.directory(parent, offset);
        this.#hideBelow(node, parent, hidden);
        return true;
      }
      case 'whiteout': {
        this.#whiteouts += 1;
        const place = this.#tree.directory(parent, offset);
        this.#whiteout(place.node.child(marker.name), parent === '' ? marker.name : `${parent}/${marker.name}`, place.hidden);
        return true;
      }
    }
  }

  #whiteout(node: LayerNode, path: string, hidden: boolean): void {
    const before = node.whiteout;
    node.whiteout = true;
    // What this layer has itself under the name stays; it hides what is below, a directory by being opaque.
    if (node.isDir) {
      this.#hideBelow(node, path, hidden);
      // It is a new directory then, though the old one's place was kept.
      if (node.kind === 'implied' && this.#mode === 'apply') this.#batch.mkdir(this.#at(path), this.#impliedMeta(), this.#named);
    } else if (node.kind === 'absent' && !before && !hidden) {
      // Where nothing is below, overlayfs would show the device.
      if (this.#mode === 'overlay') this.#batch.whiteout(this.#at(path));
      else this.#batch.remove(this.#at(path));
    }
  }

  /** Nothing that lies below this layer is seen in the directory any more; done once for each. */
  #hideBelow(node: LayerNode, path: string, hidden: boolean): void {
    if (node.opaque) return;
    node.opaque = true;
    this.#tree.forget();
    if (hidden) return;
    if (this.#mode === 'overlay') this.#batch.opaque(this.#at(path));
    this.#clear(node, path);
  }

  /**
   * Removes what the parent left in a directory, and in those directories of it which this layer made too. In an overlay
   * it is hidden already: there the whiteouts are removed that hid it before, since overlayfs shows them where nothing is below.
   * Each directory is cleared once, however many markers there are.
   */
  #clear(node: LayerNode, path: string): void {
    const keep: Buffer[] = [];
    for (const [name, child] of node.children ?? []) {
      const at = path === '' ? name : `${path}/${name}`;
      if (child.kind !== 'absent') keep.push(Buffer.from(name, 'latin1'));
      else if (this.#mode === 'overlay' && child.whiteout) this.#batch.remove(this.#at(at));
      if (!child.isDir || child.opaque) continue;
      child.opaque = true;
      this.#clear(child, at);
    }
    if (this.#mode === 'apply') this.#batch.clear(this.#at(path), keep);
  }

  #makeImplied(node: LayerNode, path: string, hidden: boolean): void {
    this.#batch.mkdir(this.#at(path), this.#impliedMeta(), this.#implied);
    if (node.whiteout) this.#startEmpty(node, path, hidden);
  }

  #impliedMeta(): FsMeta {
    return { mode: 0o755, uid: this.#chown?.uid ?? 0, gid: this.#chown?.gid ?? 0 };
  }

  #directory(node: LayerNode, path: string, header: TarHeader, hidden: boolean): void {
    const wasDir = node.isDir;
    node.become('dir');
    const meta = this.#meta(header);
    const acl = header.xattrs.get(defaultAcl);
    node.later = { mtimeNs: header.mtimeNs, ...(acl === undefined ? {} : { defaultAcl: acl }) };
    this.#batch.mkdir(this.#at(path), withoutTime(meta), this.#named);
    if (!wasDir && node.whiteout) this.#startEmpty(node, path, hidden);
  }

  /** A directory in the place of something that hides what is below. */
  #startEmpty(node: LayerNode, path: string, hidden: boolean): void {
    node.opaque = true;
    this.#tree.forget();
    if (hidden) return;
    if (this.#mode === 'overlay') this.#batch.opaque(this.#at(path));
    else if (this.#mode === 'apply') this.#batch.clear(this.#at(path), []);
  }

  #leaf(node: LayerNode): void {
    // Directories below it may be the one that is remembered.
    if (node.isDir) this.#tree.forget();
    node.become('leaf');
  }

  #hardlink(node: LayerNode, path: string, target: string, offset: number): void {
    if (path === target) throw tarInvalid(offset, `${quoted(Buffer.from(path, 'latin1'))} is a hard link to itself`);
    const found = this.#tree.find(target);
    if (found?.isDir === true) throw tarInvalid(offset, `the hard link ${quoted(Buffer.from(path, 'latin1'))} leads to a directory`);
    if (this.#mode !== 'overlay' || found?.kind === 'leaf') {
      this.#leaf(node);
      this.#batch.hardlink(this.#at(path), this.#at(target), this.#create);
      return;
    }
    // What stands there now, a whiteout too, must not be taken for the link.
    if (node.kind !== 'absent' || node.whiteout) this.#batch.remove(this.#at(path));
    if (node.isDir) this.#tree.forget();
    node.become('external');
    node.link = { target: found?.link?.target ?? target, serial: this.#links };
    this.#links += 1;
  }

  #meta(header: TarHeader): FsMeta {
    const { mode, mtimeNs } = header;
    return { mode, uid: this.#chown?.uid ?? header.uid, gid: this.#chown?.gid ?? header.gid, mtimeNs, xattrs: this.#xattrs(header) };
  }

  #xattrs(header: TarHeader): ReadonlyMap<string, Buffer> {
    if (header.xattrs.size === 0) return header.xattrs;
    const kept = new Map<string, Buffer>();
    for (const [name, value] of header.xattrs) {
      if (overlayXattr.test(name)) this.#droppedXattrs += 1;
      else if (name !== defaultAcl || header.type !== 'dir') kept.set(name, value);
    }
    return kept;
  }

  #at(path: string): Buffer {
    return Buffer.from(path === '' && this.#prefix !== '' ? this.#prefix.slice(0, -1) : this.#prefix + path, 'latin1');
  }
}

function withoutTime({ mode, uid, gid, xattrs }: FsMeta): FsMeta {
  return { mode, uid, gid, ...(xattrs === undefined ? {} : { xattrs }) };
}

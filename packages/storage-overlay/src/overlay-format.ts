import { chmod, chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { applyLayer, diffTree, type TarSource } from '@gantry/archive';
import type { Bytes, Change, StorageCapabilities } from '@gantry/driver-api';
import { openFsSession, type FsSession, type NativeEndpoint } from '@gantry/linux';
import type { DiffID } from '@gantry/oci';
import { syncDir, type SnapshotPlace, type Tools, type TreeFormat, type TreePlace } from '@gantry/storage-dirs';
import { changesOf } from './changes.ts';
import { mountOptions, type OverlayOptions } from './options.ts';
import { isFile } from './json-file.ts';
import { readNotes, writeNotes } from './notes.ts';
import { plainRoot, readRootMeta, writeRootMeta } from './root-meta.ts';
import { folderMeta, settle } from './settle.ts';
import { openView, withView } from './view.ts';

/** An owner that no tar gives: what still has it was not named by the tar. The largest id there is. */
const nobody = 0xffff_fffe;

/** Beside the tree of a layer that hides everything below it. */
const opaqueFile = 'opaque';

/**
 * Layers as upper folders of overlayfs, whiteouts included. In an item's folder: `diff`, its tree; `root.json`; for
 * layers from a tar maybe `notes.json` and `opaque`; for snapshots `work`, and `nothing` where overlayfs asks for a layer and there is none.
 */
export class OverlayFormat implements TreeFormat {
  readonly name = 'overlay';
  readonly capabilities: StorageCapabilities = { sink: false, exactDiff: false, idmap: false, quota: false };
  /** The kernel's limit is 500 (fs/overlayfs, OVL_MAX_STACK); a view and a look at parents take one more. */
  readonly maxLayers = 499;
  readonly #tools: Tools;
  readonly #options: Readonly<Record<string, string>>;

  constructor(tools: Tools, options: OverlayOptions) {
    this.#tools = tools;
    this.#options = mountOptions(options);
  }

  async ingest(dir: string, tar: TarSource, o: { readonly signal: AbortSignal; readonly onProgress?: (bytes: number) => void }): Promise<{ diffId: DiffID; bytes: number }> {
    await mkdir(tree(dir));
    await chown(tree(dir), nobody, nobody);
    const result = await applyLayer({ native: await this.#endpoint(), root: tree(dir), tar, mode: 'overlay', ...o });
    const rootNamed = await this.#ownRoot(tree(dir));
    if (result.opaqueRoot) await writeFile(join(dir, opaqueFile), '');
    await writeNotes(dir, {
      implied: [...(rootNamed ? [] : ['']), ...result.implied.map((path) => path.toString('latin1'))],
      links: result.externalLinks.map(({ path, target }) => [path.toString('latin1'), target.toString('latin1')] as const),
    });
    return { diffId: result.diffId, bytes: result.bytes };
  }

  async settle(dir: string, parents: readonly string[]): Promise<void> {
    const notes = await readNotes(dir);
    const open = notes.links.length > 0 || (notes.implied.length > 0 && parents.length > 0);
    if (!open) {
      await this.#session((session) => this.#recordRoot(dir, session, inTree(this.#tools, dir)));
      return;
    }
    await withView(this.#tools, tree(dir), await lowerOf(parents), async (session) => {
      await settle(session, notes);
      await session.sync('own', 'tree');
      await this.#recordRoot(dir, session, 'own');
    });
  }

  async rebase(from: TreePlace, dir: string, parents: readonly string[]): Promise<void> {
    await writeNotes(dir, await readNotes(from.dir));
    if (await isFile(join(from.dir, opaqueFile))) await writeFile(join(dir, opaqueFile), '');
    await this.#session(async (session) => {
      await session.copyTree(inTree(this.#tools, from.dir), inTree(this.#tools, dir));
      await session.sync(inTree(this.#tools, dir), 'tree');
    });
    await this.settle(dir, parents);
  }

  async prepare({ dir, parents: [top] }: SnapshotPlace): Promise<void> {
    await mkdir(tree(dir), { mode: 0o755 });
    await mkdir(join(dir, 'work'), { mode: 0o700 });
    if (top === undefined) await mkdir(join(dir, 'nothing'));
    const { mode, uid, gid, xattrs } = top === undefined ? plainRoot : await readRootMeta(top);
    await chown(tree(dir), uid, gid);
    await chmod(tree(dir), mode);
    const names = Object.entries(xattrs);
    if (names.length > 0) {
      await this.#session(async (session) => {
        for (const [name, value] of names) await session.setxattr(inTree(this.#tools, dir), name, Buffer.from(value, 'base64'));
      });
    }
    await syncDir(tree(dir));
  }

  path(_snapshot: SnapshotPlace, at: string): string {
    return at;
  }

  async mount({ kind, dir, parents }: SnapshotPlace, at: string): Promise<void> {
    const lower = parents.length === 0 ? [join(dir, 'nothing')] : await lowerOf(parents);
    if (kind === 'view') {
      await (await this.#tools.native.get()).overlay({ target: at, lower: [tree(dir), ...lower], readonly: true, options: this.#options });
      return;
    }
    const work = join(dir, 'work');
    await mkdir(work, { recursive: true, mode: 0o700 }); // a commit that a crash cut short may have taken it
    await (await this.#tools.native.get()).overlay({ target: at, lower, upper: tree(dir), work, options: this.#options });
  }

  async commit({ dir }: SnapshotPlace): Promise<number> {
    return await this.#session(async (session) => {
      const root = inTree(this.#tools, dir);
      const item = relative(this.#tools.layout.root, dir);
      await session.remove(join(item, 'work'));
      await session.remove(join(item, 'nothing'));
      await this.#recordRoot(dir, session, root);
      await session.sync(root, 'tree');
      return (await session.usage(root)).bytes;
    });
  }

  async *diff({ dir }: TreePlace, signal: AbortSignal): Bytes {
    yield* diffTree({ native: await this.#endpoint(), root: tree(dir), signal });
  }

  async *changes({ dir, parents }: SnapshotPlace, signal: AbortSignal): AsyncGenerator<Change, void, undefined> {
    await using view = await openView(this.#tools, tree(dir), await lowerOf(parents), signal);
    yield* changesOf(view.session, parents.length > 0);
  }

  required(): readonly string[] {
    return [basename(tree(''))];
  }

  async status(): Promise<[string, string][]> {
    return Object.entries(this.#options).map(([name, value]) => [`Mount option ${name}`, value]);
  }

  /** Whether the tar has named the root; if not, it becomes what an implied folder is. */
  async #ownRoot(root: string): Promise<boolean> {
    const { uid, gid } = await stat(root);
    if (uid !== nobody || gid !== nobody) return true;
    await chown(root, 0, 0);
    await chmod(root, 0o755);
    return false;
  }

  async #endpoint(): Promise<NativeEndpoint> {
    return (await this.#tools.native.get()).endpoint;
  }

  async #session<T>(fn: (session: FsSession) => Promise<T>): Promise<T> {
    await using session = await openFsSession(await this.#endpoint(), { root: this.#tools.layout.root });
    return await fn(session);
  }

  async #recordRoot(dir: string, session: FsSession, path: string): Promise<void> {
    const meta = await folderMeta(session, Buffer.from(path));
    if (meta === undefined) return; // then it has no tree, which the check reports
    const xattrs = Object.fromEntries([...meta.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('base64')]));
    await writeRootMeta(dir, { mode: meta.mode, uid: meta.uid, gid: meta.gid, xattrs });
  }
}

/** The trees of layers, topmost first, down to one that hides all below it. overlayfs heeds no mark on a root. */
async function lowerOf(layers: readonly string[]): Promise<string[]> {
  const opaque = await Promise.all(layers.map((dir) => isFile(join(dir, opaqueFile))));
  const last = opaque.indexOf(true);
  return layers.slice(0, last === -1 ? layers.length : last + 1).map(tree);
}

function tree(dir: string): string {
  return join(dir, 'diff');
}

/** The tree in a session over the whole state folder. */
function inTree(tools: Tools, dir: string): string {
  return relative(tools.layout.root, tree(dir));
}

import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { applyLayer, diffTree, type TarSource } from '@gantry/archive';
import type { Change, StorageCapabilities } from '@gantry/driver-api';
import { GantryError, isGantryError } from '@gantry/errors';
import { openFsSession, type FsEntry, type FsSession, type NativeEndpoint } from '@gantry/linux';
import type { DiffID } from '@gantry/oci';
import type { SnapshotPlace, Tools, TreeFormat, TreePlace } from '@gantry/storage-dirs';
import { differences, type Difference } from './compare.ts';
import { copyIfThere, moveIfThere } from './files.ts';
import { gather, noteFolders } from './gather.ts';
import { readTar, storing } from './store-tar.ts';

/**
 * Each layer and each snapshot a whole tree. In an item's folder: `root`, the tree; of a layer that came as a tar also
 * `layer.tar`, so that it can be exported byte for byte and put over another parent.
 */
export class VfsFormat implements TreeFormat {
  readonly name = 'vfs';
  readonly capabilities: StorageCapabilities = { sink: false, exactDiff: true, idmap: false, quota: false };
  /** Depth costs nothing here; a bound keeps images usable with the other drivers. */
  readonly maxLayers = 499;
  readonly #tools: Tools;

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** Unpacks the tar once by itself, to know that it is sound; for a base layer that is the tree already. */
  async ingest(dir: string, tar: TarSource, o: { readonly signal: AbortSignal; readonly onProgress?: (bytes: number) => void }): Promise<{ diffId: DiffID; bytes: number }> {
    const alone = join(dir, 'alone');
    await mkdir(alone, { mode: 0o755 });
    const { diffId, bytes, whiteouts, opaques, externalLinks } = await applyLayer({ native: await this.#endpoint(), root: alone, tar: storing(tar, join(dir, 'layer.tar')), mode: 'overlay', ...o });
    if (whiteouts + opaques + externalLinks.length > 0) await this.#session((session) => session.remove(this.#inside(alone)));
    return { diffId, bytes };
  }

  async settle(dir: string, parents: readonly string[]): Promise<void> {
    const [alone, root] = [join(dir, 'alone'), tree(dir)];
    if (parents.length === 0 && (await moveIfThere(alone, root))) return;
    await this.#session(async (session) => {
      await session.remove(this.#inside(alone));
      await session.remove(this.#inside(root)); // of an attempt with another parent
    });
    await this.#copyOf(parents[0], root);
    await applyLayer({ native: await this.#endpoint(), root, tar: { path: join(dir, 'layer.tar') }, mode: 'apply' }).catch((e: unknown) => {
      throw linkError(e) ?? e;
    });
  }

  async rebase(from: TreePlace, dir: string, parents: readonly string[]): Promise<void> {
    const copy = join(dir, 'layer.tar');
    if (!(await copyIfThere(join(from.dir, 'layer.tar'), copy))) await writeFile(copy, this.diff(from, new AbortController().signal), { mode: 0o600, flush: true });
    await this.settle(dir, parents);
  }

  async prepare({ kind, dir, parents: [top] }: SnapshotPlace, signal: AbortSignal): Promise<void> {
    if (kind === 'view' && top !== undefined) return; // the layer's own tree will do
    await this.#copyOf(top, tree(dir), signal);
    await this.#session((session) => session.sync(this.#inside(tree(dir)), 'tree'), signal);
  }

  path({ kind, dir }: SnapshotPlace, at: string): string {
    return kind === 'view' ? at : tree(dir);
  }

  async mount({ dir, parents: [top] }: SnapshotPlace, at: string): Promise<void> {
    await (await this.#tools.native.get()).bind({ source: tree(top ?? dir), target: at, readonly: true });
  }

  async commit({ dir }: SnapshotPlace): Promise<number> {
    return await this.#session(async (session) => {
      await session.sync(this.#inside(tree(dir)), 'tree');
      return (await session.usage(this.#inside(tree(dir)))).bytes;
    });
  }

  async *diff(item: TreePlace, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const tar = join(item.dir, 'layer.tar');
    if (item.kind === 'layer' && existsSync(tar)) {
      yield* readTar(tar, signal);
      return;
    }
    const stage = await this.#tools.layout.newStage();
    await using session = await openFsSession(await this.#endpoint(), { root: this.#tools.layout.root });
    try {
      await mkdir(join(stage, 'diff'), { mode: 0o755 });
      const folders = new Map<string, FsEntry>();
      await using compared = await this.#differences(item, signal, folders);
      await gather(session, this.#inside(tree(item.dir)), this.#inside(join(stage, 'diff')), compared.found, folders);
      yield* diffTree({ native: await this.#endpoint(), root: join(stage, 'diff'), signal });
    } finally {
      await session.remove(this.#inside(stage)); // at once: while it is there, files of the snapshot have one link more
    }
  }

  async *changes(snapshot: SnapshotPlace, signal: AbortSignal): AsyncGenerator<Change, void, undefined> {
    await using compared = await this.#differences(snapshot, signal);
    for await (const { kind, path } of compared.found) yield { path: `/${path.toString()}`, kind };
  }

  required(kind: 'layer' | 'snapshot'): readonly string[] {
    return kind === 'layer' ? ['root'] : []; // a view has no tree of its own
  }

  async status(): Promise<[string, string][]> {
    return [];
  }

  /** Two sessions, since two walks run side by side. */
  async #differences({ kind, dir, parents: [top] }: TreePlace, signal: AbortSignal, folders = new Map<string, FsEntry>()): Promise<AsyncDisposable & { found: AsyncIterable<Difference> }> {
    await using sessions = new AsyncDisposableStack();
    const walk = async (root: string): Promise<AsyncIterable<FsEntry>> => sessions.use(await openFsSession(await this.#endpoint(), { root, readonly: true, signal })).walk('', { xattrs: true });
    const found = kind === 'view' ? nothing() : differences(top === undefined ? nothing() : await walk(tree(top)), noteFolders(await walk(tree(dir)), folders));
    const kept = sessions.move();
    return { found, [Symbol.asyncDispose]: () => kept.disposeAsync() };
  }

  async #copyOf(item: string | undefined, to: string, signal?: AbortSignal): Promise<void> {
    await this.#session(async (session) => {
      if (item === undefined) await session.mkdir(this.#inside(to), { mode: 0o755, uid: 0, gid: 0 });
      else await session.copyTree(this.#inside(tree(item)), this.#inside(to));
    }, signal);
  }

  async #endpoint(): Promise<NativeEndpoint> {
    return (await this.#tools.native.get()).endpoint;
  }

  async #session<T>(fn: (session: FsSession) => Promise<T>, signal?: AbortSignal): Promise<T> {
    await using session = await openFsSession(await this.#endpoint(), { root: this.#tools.layout.root, ...(signal && { signal }) });
    return await fn(session);
  }

  #inside(path: string): string {
    return relative(this.#tools.layout.root, path);
  }
}

/** A hard link that the kernel refuses leads to nothing, or to a folder: in neither the tar nor the parent is such a file. */
function linkError(e: unknown): GantryError | undefined {
  if (!isGantryError(e) || e.details['step'] !== 'link' || !['notFound', 'conflict', 'forbidden'].includes(e.kind)) return undefined;
  return new GantryError('invalid', 'link-target-missing', `the layer has a hard link to a file that is in neither it nor its parent: the image is broken (${e.message})`, { cause: e });
}

function tree(dir: string): string {
  return join(dir, 'root');
}

async function* nothing(): AsyncGenerator<never, void, undefined> {
  // Where there is no tree, there is no entry.
}

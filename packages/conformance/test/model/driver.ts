import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { deserialize, serialize } from 'node:v8';
import type { Bytes, Call, Change, CheckFinding, DriverContext, IngestSource, Layer, LayerId, LayerPlace, Mount, Snapshot, StorageCapabilities, StorageDriver, StorageRef, StorageUsage } from '@gantry/driver-api';
import { GantryError, isGantryError, toGantryError } from '@gantry/errors';
import { openFsSession, type FsSession, type Native } from '@gantry/linux';
import { digestOf, parseDiffID, type DiffID } from '@gantry/oci';
import { apply, compare, emptyTree, read, readEntries, toTar, write, type Tree } from './tree.ts';

/** What is deliberately wrong with it. */
export type Fault = 'publish-not-atomic' | 'remove-ignores-children' | 'expect-not-checked' | 'release-not-idempotent' | 'diff-loses-whiteouts' | 'implied-folders-forget' | 'holders-forgotten' | 'throws-plain-errors' | 'abort-ignored' | 'leaves-mounts';

interface ModelLayer {
  readonly layer: Layer;
  readonly tar: Uint8Array;
}

interface ModelSnapshot {
  readonly kind: 'active' | 'view';
  readonly parent: LayerId | null;
  readonly dir: string;
  holders: string[];
}

interface State {
  readonly layers: Map<string, ModelLayer>;
  readonly snapshots: Map<string, ModelSnapshot>;
}

/**
 * A storage driver so simple that it can be seen to be right: all state in memory, written to one file as a whole after
 * each change; one lock for everything. The kit is tried on it, as it is and with one thing made wrong.
 */
export class ModelDriver implements StorageDriver {
  readonly name = 'model';
  readonly domain: string;
  readonly capabilities: StorageCapabilities = { sink: false, exactDiff: true, idmap: false, quota: false };
  readonly #context: DriverContext;
  readonly #native: Native;
  readonly #fault: Fault | undefined;
  readonly #ingests = new Map<string, { tar: Uint8Array; diffId: DiffID }>();
  readonly #running = new Map<string, Set<AbortController>>();
  readonly #state: State;
  readonly #end = new AbortController();
  #tail: Promise<unknown> = Promise.resolve();

  constructor(context: DriverContext, native: Native, state: State, fault: Fault | undefined) {
    this.#context = context;
    this.domain = context.domain;
    this.#native = native;
    this.#state = state;
    this.#fault = fault;
  }

  static async open(context: DriverContext, native: Native, fault: Fault | undefined): Promise<ModelDriver> {
    const file = join(context.stateDir, 'state');
    const state: State = existsSync(file) ? (deserialize(await readFile(file)) as State) : { layers: new Map(), snapshots: new Map() };
    const driver = new ModelDriver(context, native, state, fault);
    for (const s of state.snapshots.values()) {
      s.holders = fault === 'holders-forgotten' ? [] : s.holders.filter((h) => !h.startsWith('tmp:') || h.startsWith(`tmp:${context.session}:`));
      if (s.holders.length === 0) await driver.#unmount(s);
    }
    const debris = join(context.stateDir, 'debris');
    if (existsSync(driver.#stage)) {
      await mkdir(debris, { recursive: true });
      await rename(driver.#stage, join(debris, randomUUID()));
    }
    await driver.#save();
    return driver;
  }

  layer(id: LayerId): Promise<Layer> {
    return this.#do(async () => this.#layer(id).layer);
  }

  snapshot(key: string): Promise<Snapshot> {
    return this.#do(async () => this.#show(key));
  }

  async *list(o?: Call): AsyncGenerator<Layer | Snapshot> {
    this.#check(o);
    yield* await this.#do(async () => [...[...this.#state.layers.values()].map((l) => l.layer), ...[...this.#state.snapshots.keys()].map((key) => this.#show(key))]);
  }

  async begin(key: string): Promise<object> {
    await this.discard(key);
    return {};
  }

  async ingest(key: string, src: IngestSource, o: Call & { expect?: DiffID; onProgress?(bytes: number): void } = {}): Promise<{ diffId: DiffID; bytes: number }> {
    const own = new AbortController();
    const running = this.#running.get(key) ?? new Set();
    this.#running.set(key, running.add(own));
    const signal = AbortSignal.any([own.signal, this.#end.signal, ...(o.signal && this.#fault !== 'abort-ignored' ? [o.signal] : [])]);
    try {
      this.#check({ signal });
      if ('sunk' in src) throw new GantryError('notImplemented', 'no-sink', 'no sink');
      const tar = 'path' in src ? await readFile(src.path, { signal }) : await gather(src.tar, signal, (bytes) => o.onProgress?.(bytes));
      const diffId = parseDiffID(digestOf(tar));
      if (o.expect !== undefined && o.expect !== diffId && this.#fault !== 'expect-not-checked') throw new GantryError('dataLoss', 'digest', 'another digest');
      await readEntries(tar);
      const stage = join(this.#stage, name(key));
      await mkdir(this.#stage, { recursive: true });
      await writeFile(stage, tar); // only so that there is something to collect
      this.#ingests.set(key, { tar, diffId });
      return { diffId, bytes: tar.length };
    } catch (e) {
      this.#ingests.delete(key);
      throw signal.aborted ? new GantryError('aborted', 'aborted', 'aborted') : toGantryError(e);
    } finally {
      running.delete(own);
    }
  }

  publish(key: string, { id, parent }: LayerPlace): Promise<Layer> {
    return this.#do(async () => {
      const ingest = this.#ingests.get(key);
      const there = this.#existing(id, parent, ingest?.diffId);
      if (there === undefined && ingest === undefined) throw absent('ingest', key);
      if (there !== undefined || ingest === undefined) {
        this.#ingests.delete(key);
        return { ...(there ?? this.#layer(id).layer), existed: true };
      }
      const { tar, diffId } = ingest;
      await this.#treeOf(parent, tar);
      const layer: Layer = { kind: 'layer', id, parent, diffId, bytes: tar.length };
      if (this.#fault === 'publish-not-atomic') {
        this.#state.layers.set(id, { layer, tar: new Uint8Array(1024) });
        await this.#save();
        await delay(100);
      }
      this.#state.layers.set(id, { layer, tar });
      await this.#save();
      this.#ingests.delete(key);
      await rm(join(this.#stage, name(key)), { force: true });
      return layer;
    });
  }

  rebase(from: LayerId, { id, parent }: LayerPlace): Promise<Layer> {
    return this.#do(async () => {
      const { layer: source, tar } = this.#layer(from);
      const there = this.#existing(id, parent, source.diffId);
      if (there !== undefined) return { ...there, existed: true };
      await this.#treeOf(parent, tar);
      const layer: Layer = { ...source, id, parent };
      this.#state.layers.set(id, { layer, tar });
      await this.#save();
      return layer;
    });
  }

  async discard(key: string): Promise<void> {
    for (const own of this.#running.get(key) ?? []) own.abort();
    this.#ingests.delete(key);
  }

  prepare(key: string, parent: LayerId | null, o: Call & { view?: boolean; sizeLimit?: number; idmap?: object } = {}): Promise<Snapshot> {
    return this.#do(async () => {
      this.#check(o);
      if (o.sizeLimit !== undefined || o.idmap !== undefined) throw new GantryError('notImplemented', 'not-capable', 'neither quota nor idmap');
      const kind = o.view === true ? 'view' : 'active';
      const there = this.#state.snapshots.get(key);
      if (there !== undefined && (there.parent !== parent || there.kind !== kind)) throw new GantryError('conflict', 'exists', key);
      if (there === undefined) {
        const tree = await this.#treeOf(parent);
        const dir = join(this.#context.stateDir, 'trees', randomUUID());
        await mkdir(dir, { recursive: true });
        await this.#session(dir, (session) => write(session, tree));
        this.#state.snapshots.set(key, { kind, parent, dir, holders: [] });
        await this.#save();
      }
      return this.#show(key);
    });
  }

  mount(key: string, holder: string, o?: Call): Promise<{ path: string }> {
    return this.#do(async () => {
      this.#check(o);
      const s = this.#snapshot(key);
      const path = s.kind === 'view' ? `${s.dir}.view` : s.dir;
      const first = s.holders.length === 0;
      if (!s.holders.includes(holder)) s.holders.push(holder);
      await this.#save();
      if (first && s.kind === 'view') {
        await mkdir(path, { recursive: true });
        await this.#native.bind({ source: s.dir, target: path, readonly: true });
      }
      return { path };
    });
  }

  lend(): Promise<Mount[]> {
    return Promise.reject(new GantryError('notImplemented', 'not-capable', 'no lending'));
  }

  release(key: string, holder: string): Promise<void> {
    return this.#do(async () => {
      const s = this.#state.snapshots.get(key);
      if (this.#fault === 'release-not-idempotent' && s?.holders.includes(holder) !== true) throw new GantryError('notFound', 'no-holder', holder);
      if (s === undefined) return;
      s.holders = s.holders.filter((h) => h !== holder);
      if (s.holders.length === 0 && this.#fault !== 'leaves-mounts') await this.#unmount(s);
      await this.#save();
    });
  }

  commit(key: string, { id }: { id: LayerId }): Promise<Layer> {
    return this.#do(async () => {
      const s = this.#state.snapshots.get(key);
      const done = this.#state.layers.get(id)?.layer;
      if (s === undefined && done !== undefined) return { ...done, existed: true };
      if (s === undefined) throw absent('snapshot', key);
      if (s.holders.length > 0 || s.kind === 'view') throw new GantryError('conflict', 'held', key);
      const there = this.#existing(id, s.parent);
      const tar = await bytes(this.#diffOf(s));
      const layer: Layer = there ?? { kind: 'layer', id, parent: s.parent, bytes: tar.length };
      if (there === undefined) this.#state.layers.set(id, { layer, tar });
      this.#state.snapshots.delete(key);
      await this.#save();
      return there === undefined ? layer : { ...there, existed: true };
    });
  }

  async *diff(id: StorageRef, o?: Call): Bytes {
    this.#check(o);
    const tar = await this.#do(async () => ('layer' in id ? this.#layer(id.layer).tar : await bytes(this.#diffOf(this.#snapshot(id.snapshot)))));
    for (let at = 0; at < tar.length; at += 65_536) {
      yield tar.slice(at, at + 65_536);
      this.#check(o);
    }
  }

  async *changes(key: string, o?: Call): AsyncGenerator<Change> {
    this.#check(o);
    const changes = await this.#do(async () => {
      const s = this.#snapshot(key);
      const found = compare(await this.#treeOf(s.parent), await this.#session(s.dir, read));
      return found.map(({ path, kind }): Change => ({ path: `/${Buffer.from(path, 'latin1').toString()}`, kind }));
    });
    yield* changes;
  }

  usage(id: StorageRef, o?: Call): Promise<StorageUsage> {
    return this.#do(async () => {
      this.#check(o);
      if ('layer' in id) return { bytes: this.#layer(id.layer).tar.length, inodes: 1 };
      return await this.#session(this.#snapshot(id.snapshot).dir, (session) => session.usage(''));
    });
  }

  remove(id: StorageRef): Promise<void> {
    return this.#do(async () => {
      if ('layer' in id) {
        const parents = [...[...this.#state.layers.values()].map((l) => l.layer.parent), ...[...this.#state.snapshots.values()].map((s) => s.parent)];
        if (parents.includes(id.layer) && this.#fault !== 'remove-ignores-children') throw new GantryError('conflict', 'children', id.layer);
        this.#state.layers.delete(id.layer);
      } else {
        if ((this.#state.snapshots.get(id.snapshot)?.holders.length ?? 0) > 0) throw new GantryError('conflict', 'held', id.snapshot);
        this.#state.snapshots.delete(id.snapshot);
      }
      await this.#save();
    });
  }

  gc(): Promise<{ bytes: number }> {
    return this.#do(async () => {
      const trees = join(this.#context.stateDir, 'trees');
      const used = new Set([...this.#state.snapshots.values()].flatMap((s) => [s.dir, `${s.dir}.view`]));
      const garbage = [...(existsSync(trees) ? await readdir(trees) : []).map((tree) => join(trees, tree)).filter((dir) => !used.has(dir)), join(this.#context.stateDir, 'debris')];
      let freed = 0;
      for (const dir of garbage.filter((d) => existsSync(d))) {
        freed += (await this.#session(dir, (session) => session.usage(''))).bytes;
        await rm(dir, { recursive: true });
      }
      return { bytes: freed };
    });
  }

  async *check(): AsyncGenerator<CheckFinding> {
    const { layers } = this.#state;
    for (const { layer } of layers.values()) if (layer.parent !== null && !layers.has(layer.parent)) yield { id: layer.id, code: 'parent-missing', message: layer.parent, repaired: false };
  }

  async status(): Promise<[string, string][]> {
    return [['Layers', String(this.#state.layers.size)]];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    await this.#tail;
    await this.#native[Symbol.asyncDispose]();
  }

  get #stage(): string {
    return join(this.#context.stateDir, 'stage');
  }

  /** One after another. */
  #do<T>(fn: () => Promise<T>): Promise<T> {
    if (this.#end.signal.aborted) return Promise.reject(new GantryError('unavailable', 'closed', 'closed'));
    const result = this.#tail.then(fn).catch((e: unknown) => {
      if (this.#fault === 'throws-plain-errors' && isGantryError(e)) throw new Error(e.message);
      throw toGantryError(e);
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  #check(o?: Call): void {
    if (this.#end.signal.aborted && o?.signal?.aborted !== true) throw new GantryError('unavailable', 'closed', 'closed');
    if (o?.signal?.aborted === true) throw new GantryError('aborted', 'aborted', 'aborted');
  }

  #layer(id: LayerId): ModelLayer {
    const layer = this.#state.layers.get(id);
    if (layer === undefined) throw absent('layer', id);
    return layer;
  }

  #snapshot(key: string): ModelSnapshot {
    const snapshot = this.#state.snapshots.get(key);
    if (snapshot === undefined) throw absent('snapshot', key);
    return snapshot;
  }

  #show(key: string): Snapshot {
    const { kind, parent, holders } = this.#snapshot(key);
    return { kind, key, parent, holders: [...holders] };
  }

  #existing(id: LayerId, parent: LayerId | null, diffId?: DiffID): Layer | undefined {
    const layer = this.#state.layers.get(id)?.layer;
    if (layer === undefined) return undefined;
    if (layer.parent !== parent || (diffId !== undefined && layer.diffId !== undefined && layer.diffId !== diffId)) throw new GantryError('conflict', 'exists', id);
    return layer;
  }

  /** Of a layer, with one more tar on it. */
  async #treeOf(id: LayerId | null, ...more: readonly Uint8Array[]): Promise<Tree> {
    const tars = [...more];
    for (let at = id; at !== null; ) {
      const { layer, tar } = this.#layer(at);
      tars.unshift(tar);
      at = layer.parent;
    }
    let tree = emptyTree();
    for (const tar of tars) {
      const entries = await readEntries(tar);
      tree = apply(tree, entries, { strict: true });
      if (this.#fault !== 'implied-folders-forget') continue;
      const named = new Set(entries.map((e) => e.header.path.toString('latin1')));
      for (const [path, node] of tree) if (node.type === 'dir' && !named.has(path) && entries.some((e) => e.header.path.toString('latin1').startsWith(`${path}/`))) tree.set(path, { ...node, mode: 0o755, uid: 0, gid: 0, xattrs: new Map() });
    }
    return tree;
  }

  async *#diffOf(s: ModelSnapshot): Bytes {
    const before = await this.#treeOf(s.parent);
    const now = await this.#session(s.dir, read);
    if (this.#fault === 'diff-loses-whiteouts') for (const path of before.keys()) if (!now.has(path)) before.delete(path);
    yield* toTar(before, now);
  }

  async #session<T>(root: string, fn: (session: FsSession) => Promise<T>): Promise<T> {
    await using session = await openFsSession(this.#native.endpoint, { root });
    return await fn(session);
  }

  async #unmount(s: ModelSnapshot): Promise<void> {
    if (s.kind !== 'view' || !existsSync(`${s.dir}.view`)) return;
    await this.#native.umount(`${s.dir}.view`, { detach: true });
    await rmdir(`${s.dir}.view`);
  }

  async #save(): Promise<void> {
    const file = join(this.#context.stateDir, 'state');
    await writeFile(`${file}.new`, serialize(this.#state), { flush: true });
    await rename(`${file}.new`, file);
  }
}

async function gather(tar: Bytes, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<Uint8Array> {
  const iterator = tar[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let total = 0;
  const ended = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new GantryError('aborted', 'aborted', 'aborted'))));
  ended.catch(() => undefined);
  try {
    for (;;) {
      const item = await Promise.race([iterator.next(), ended]);
      if (item.done === true) return Buffer.concat(chunks);
      chunks.push(item.value);
      onProgress((total += item.value.length));
    }
  } finally {
    if (signal.aborted) void iterator.return?.();
  }
}

async function bytes(chunks: Bytes): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(chunks));
}

function name(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

function absent(what: string, id: string): GantryError {
  return new GantryError('notFound', `${what}-not-found`, id);
}

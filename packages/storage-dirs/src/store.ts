import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type {
  Bytes, Call, Change, CheckFinding, DriverContext, IdMap, IngestSource, Layer, LayerId, LayerPlace, Mount, Snapshot, StorageCapabilities, StorageDriver, StorageRef, StorageUsage,
} from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { DiffID } from '@gantry/oci';
import { abortable } from './abortable.ts';
import { asLayer, asSnapshot, type Catalog, type SnapshotEntry } from './catalog.ts';
import { checkStore } from './check.ts';
import { syncDir, writeSynced } from './durable.ts';
import { aborted, check, conflict, notFound, notImplemented } from './errors.ts';
import type { SnapshotPlace, TreeFormat, TreePlace } from './format.ts';
import type { Holds } from './holds.ts';
import { Ingests } from './ingests.ts';
import { KeyedLock } from './keyed-lock.ts';
import { layerFile, snapshotFile, type Layout } from './layout.ts';
import { Lifetime } from './lifetime.ts';
import { nameOf } from './names.ts';
import type { NativeLink } from './native-link.ts';
import type { LayerRecord, SnapshotRecord } from './records.ts';
import type { Reclaim } from './reclaim.ts';

/** What a store is made of; see `openStore`. */
export interface StoreParts {
  readonly context: DriverContext;
  readonly format: TreeFormat;
  readonly layout: Layout;
  readonly native: NativeLink;
  readonly holds: Holds;
  readonly reclaim: Reclaim;
  /** Loading may take longer than `open()` may: calls wait for it. */
  readonly catalog: Promise<Catalog>;
}

/** A storage driver over any format of trees in folders. The promises are those of `StorageDriver`. */
export class TreeStore implements StorageDriver {
  readonly name: string;
  readonly domain: string;
  readonly capabilities: StorageCapabilities;
  readonly #parts: StoreParts;
  readonly #format: TreeFormat;
  readonly #layout: Layout;
  readonly #life: Lifetime;
  readonly #lock = new KeyedLock();
  readonly #ingests = new Ingests();
  readonly #usages = new WeakMap<LayerRecord, StorageUsage>();

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#format = parts.format;
    this.#layout = parts.layout;
    this.name = parts.format.name;
    this.domain = parts.context.domain;
    this.capabilities = parts.format.capabilities;
    this.#life = new Lifetime(this.name);
  }

  layer(id: LayerId): Promise<Layer> {
    return this.#call(async (catalog) => asLayer(catalog.layer(id)));
  }

  snapshot(key: string): Promise<Snapshot> {
    return this.#call(async (catalog) => asSnapshot(catalog.snapshot(key)));
  }

  list(o?: Call): AsyncIterable<Layer | Snapshot> {
    return this.#life.iterate(() => this.#list(), o?.signal);
  }

  async *#list(): AsyncGenerator<Layer | Snapshot, void, undefined> {
    const { layers, snapshots } = await this.#parts.catalog;
    for (const id of [...layers.keys()]) {
      const record = layers.get(id);
      if (record !== undefined) yield asLayer(record);
    }
    for (const key of [...snapshots.keys()]) {
      const entry = snapshots.get(key);
      if (entry !== undefined) yield asSnapshot(entry);
    }
  }

  begin(key: string): Promise<Record<string, never>> {
    return this.discard(key).then(() => ({}));
  }

  ingest(key: string, src: IngestSource, o: Call & { expect?: DiffID; onProgress?(bytes: number): void } = {}): Promise<{ diffId: DiffID; bytes: number }> {
    return this.#call(async () => {
      if ('sunk' in src) throw notImplemented(this.name, 'it has no sink');
      nameOf(key);
      using running = this.#ingests.start(key);
      const signal = AbortSignal.any([running.signal, this.#life.either(o.signal)]);
      return await this.#lock.run(`ingest ${key}`, async () => {
        await this.#dropIngest(key);
        const dir = await this.#layout.newStage();
        try {
          const tar = 'tar' in src ? abortable(src.tar, signal) : { path: src.path };
          const onProgress = o.onProgress?.bind(o);
          const { diffId, bytes } = await this.#format.ingest(dir, tar, { signal, ...(onProgress && { onProgress }) });
          if (o.expect !== undefined && o.expect !== diffId) {
            throw new GantryError('dataLoss', 'layer-digest-mismatch', `the layer's content is ${diffId}, but ${o.expect} was expected: it was damaged on its way, or is another one`, { details: { diffId, expect: o.expect } });
          }
          check(signal);
          this.#ingests.set(key, { dir, diffId, bytes });
          return { diffId, bytes };
        } catch (e) {
          await this.#layout.discard(dir);
          throw signal.aborted ? aborted() : e;
        }
      }, signal);
    });
  }

  publish(key: string, as: LayerPlace): Promise<Layer> {
    return this.#call((catalog) =>
      this.#lock.run(`ingest ${key}`, () =>
        this.#lock.run(`layer ${as.id}`, async () => {
          const ingested = this.#ingests.get(key);
          const existing = this.#existing(catalog, as, ingested?.diffId);
          if (existing !== undefined) {
            await this.#dropIngest(key);
            return existing;
          }
          if (ingested === undefined) throw notFound('ingest', key);
          using pins = new DisposableStack();
          pins.use(catalog.pin(as.parent));
          await this.#format.settle(ingested.dir, this.#foldersBelow(catalog, as.parent));
          const { dir, diffId, bytes } = ingested;
          const layer = await this.#install(catalog, dir, { version: 1, ...as, diffId, bytes });
          this.#ingests.take(key);
          return layer;
        }),
      ),
    );
  }

  rebase(from: LayerId, as: LayerPlace): Promise<Layer> {
    return this.#call((catalog) =>
      this.#lock.run(`layer ${as.id}`, async () => {
        const source = catalog.layer(from);
        const existing = this.#existing(catalog, as, source.diffId);
        if (existing !== undefined) return existing;
        using pins = new DisposableStack();
        for (const id of [from, as.parent]) pins.use(catalog.pin(id));
        const parents = this.#foldersBelow(catalog, as.parent);
        const dir = await this.#layout.newStage();
        try {
          await this.#format.rebase(this.#layerPlace(catalog, source), dir, parents);
          return await this.#install(catalog, dir, { ...source, ...as });
        } catch (e) {
          await this.#layout.discard(dir);
          throw e;
        }
      }),
    );
  }

  discard(key: string): Promise<void> {
    return this.#call(async () => {
      nameOf(key);
      this.#ingests.abort(key);
      await this.#lock.run(`ingest ${key}`, () => this.#dropIngest(key));
    });
  }

  prepare(key: string, parent: LayerId | null, o: Call & { view?: boolean; sizeLimit?: number; idmap?: IdMap } = {}): Promise<Snapshot> {
    return this.#call(async (catalog) => {
      const { view = false, sizeLimit, idmap } = o;
      const signal = this.#life.either(o.signal);
      if (sizeLimit !== undefined && !this.capabilities.quota) throw notImplemented(this.name, 'it cannot limit the size of a snapshot');
      if (idmap !== undefined && !this.capabilities.idmap) throw notImplemented(this.name, 'it cannot map ids');
      return await this.#lock.run(`snapshot ${key}`, async () => {
        const record: SnapshotRecord = { version: 1, key, kind: view ? 'view' : 'active', parent, ...(sizeLimit !== undefined && { sizeLimit }), ...(idmap !== undefined && { idmap }) };
        const existing = catalog.snapshots.get(key);
        if (existing !== undefined) {
          if (JSON.stringify(existing.record) !== JSON.stringify(record)) throw conflict('snapshot-exists', `snapshot ${key} exists, and is another one`, { key });
          return asSnapshot(existing);
        }
        using pins = new DisposableStack();
        pins.use(catalog.pin(parent));
        const dir = await this.#layout.newStage();
        try {
          await this.#format.prepare({ kind: record.kind, dir, parents: this.#foldersBelow(catalog, parent) }, signal);
          await writeSynced(join(dir, snapshotFile), JSON.stringify(record));
          await syncDir(dir);
          check(signal);
          await this.#place(dir, this.#layout.snapshot(key));
        } catch (e) {
          await this.#layout.discard(dir);
          throw signal.aborted ? aborted() : e;
        }
        return asSnapshot(catalog.addSnapshot(record));
      }, signal);
    });
  }

  mount(key: string, holder: string, o?: Call): Promise<{ path: string }> {
    return this.#call((catalog) =>
      this.#lock.run(`snapshot ${key}`, async () => {
        nameOf(holder);
        const entry = catalog.snapshot(key);
        return { path: await this.#parts.holds.hold(entry, this.#snapshotPlace(catalog, entry), holder) };
      }, o?.signal),
    );
  }

  lend(): Promise<Mount[]> {
    return this.#call(() => Promise.reject(notImplemented(this.name, 'its trees are for this kernel only')));
  }

  release(key: string, holder: string): Promise<void> {
    return this.#call((catalog) =>
      this.#lock.run(`snapshot ${key}`, async () => {
        const entry = catalog.snapshots.get(key);
        if (entry !== undefined) await this.#parts.holds.release(entry, holder);
      }),
    );
  }

  commit(key: string, as: { id: LayerId }): Promise<Layer> {
    return this.#call((catalog) =>
      this.#lock.run(`snapshot ${key}`, () =>
        this.#lock.run(`layer ${as.id}`, async () => {
          const entry = catalog.snapshots.get(key);
          if (entry === undefined) {
            const done = catalog.layers.get(as.id); // the answer to the first call may have been lost
            if (done === undefined) throw notFound('snapshot', key);
            return asLayer(done, true);
          }
          const { parent, kind } = entry.record;
          if (kind === 'view') throw conflict('snapshot-read-only', `snapshot ${key} is a view: it has no changes to commit`, { key });
          this.#refuseHeld(entry);
          const existing = this.#existing(catalog, { id: as.id, parent });
          if (existing !== undefined) {
            await this.#dropSnapshot(catalog, entry);
            return existing;
          }
          const bytes = await this.#format.commit(this.#snapshotPlace(catalog, entry));
          const layer = await this.#install(catalog, this.#layout.snapshot(key), { version: 1, id: as.id, parent, bytes });
          catalog.dropSnapshot(entry);
          return layer;
        }),
      ),
    );
  }

  diff(id: StorageRef, o?: Call): Bytes {
    return this.#life.iterate((signal) => this.#diff(id, signal), o?.signal);
  }

  async *#diff(id: StorageRef, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const catalog = await this.#parts.catalog;
    using pins = new DisposableStack(); // so that what is being read is not removed; a snapshot is the caller's own
    if ('layer' in id) {
      pins.use(catalog.pin(id.layer));
      yield* this.#format.diff(this.#layerPlace(catalog, catalog.layer(id.layer)), signal);
    } else {
      const entry = catalog.snapshot(id.snapshot);
      pins.use(catalog.pin(entry.record.parent));
      yield* this.#format.diff(this.#snapshotPlace(catalog, entry), signal);
    }
  }

  changes(key: string, o?: Call): AsyncIterable<Change> {
    return this.#life.iterate((signal) => this.#changes(key, signal), o?.signal);
  }

  async *#changes(key: string, signal: AbortSignal): AsyncGenerator<Change, void, undefined> {
    const catalog = await this.#parts.catalog;
    const entry = catalog.snapshot(key);
    using pins = new DisposableStack();
    pins.use(catalog.pin(entry.record.parent));
    yield* this.#format.changes(this.#snapshotPlace(catalog, entry), signal);
  }

  usage(id: StorageRef, o?: Call): Promise<StorageUsage> {
    return this.#call(async (catalog) => {
      const signal = this.#life.either(o?.signal);
      check(signal);
      if ('snapshot' in id) return await this.#parts.reclaim.usage(this.#layout.snapshot(catalog.snapshot(id.snapshot).record.key), signal);
      // A layer does not change, and counting a large one takes a while.
      const record = catalog.layer(id.layer);
      const known = this.#usages.get(record) ?? (await this.#parts.reclaim.usage(this.#layout.layer(record.id), signal));
      this.#usages.set(record, known);
      return known;
    });
  }

  remove(id: StorageRef): Promise<void> {
    return this.#call((catalog) => ('layer' in id ? this.#removeLayer(catalog, id.layer) : this.#removeSnapshot(catalog, id.snapshot)));
  }

  gc(o?: Call): Promise<{ bytes: number }> {
    return this.#call(() => this.#lock.run('gc', async () => ({ bytes: await this.#parts.reclaim.run(this.#life.either(o?.signal)) }), o?.signal));
  }

  check(o: Call & { repair?: boolean } = {}): AsyncIterable<CheckFinding> {
    return this.#life.iterate(() => checkStore(this.#parts, o.repair === true), o.signal);
  }

  status(): Promise<[string, string][]> {
    return this.#call(async ({ layers, snapshots, damaged }) => [
      ['Layers', String(layers.size)],
      ['Snapshots', String(snapshots.size)],
      ...(damaged.length > 0 ? [['Damaged items', String(damaged.length)] satisfies [string, string]] : []),
      ...(await this.#format.status()),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#life.signal.aborted) return;
    await this.#life.end();
    await this.#parts.catalog.catch(() => undefined); // whoever called was told
    await this.#parts.native[Symbol.asyncDispose]();
  }

  #call<T>(fn: (catalog: Catalog) => Promise<T>): Promise<T> {
    return this.#life.run(async () => fn(await this.#parts.catalog));
  }

  /** A layer of that id, if it is the same one. @throws GantryError conflict */
  #existing(catalog: Catalog, as: LayerPlace, diffId?: DiffID): Layer | undefined {
    const layer = catalog.layers.get(as.id);
    if (layer === undefined) return undefined;
    const same = layer.parent === as.parent && (diffId === undefined || layer.diffId === undefined || layer.diffId === diffId);
    if (!same) throw conflict('layer-exists', `layer ${as.id} exists, with another ${layer.parent === as.parent ? 'content' : 'parent'}`, { id: as.id });
    return asLayer(layer, true);
  }

  /** One rename makes a layer of a folder; whatever damaged thing has its name makes room. */
  async #install(catalog: Catalog, dir: string, record: LayerRecord): Promise<Layer> {
    await writeSynced(join(dir, layerFile), JSON.stringify(record));
    await syncDir(dir);
    await this.#place(dir, this.#layout.layer(record.id));
    catalog.addLayer(record);
    return asLayer(record);
  }

  async #place(from: string, to: string): Promise<void> {
    await this.#layout.discard(to);
    await rename(from, to);
    try {
      await syncDir(dirname(to));
    } catch (e) {
      await rename(to, from); // else a later session would find what this one has denied
      throw e;
    }
  }

  async #dropIngest(key: string): Promise<void> {
    const old = this.#ingests.take(key);
    if (old !== undefined) await this.#layout.discard(old.dir);
  }

  #removeLayer(catalog: Catalog, id: LayerId): Promise<void> {
    return this.#lock.run(`layer ${id}`, async () => {
      const record = catalog.layers.get(id);
      if (catalog.uses(id) > 0) throw conflict('layer-in-use', `layer ${id} has ${catalog.uses(id)} users: remove what stands on it first`, { id });
      if (record !== undefined) catalog.dropLayer(record); // at once, so that nobody builds on it
      try {
        await this.#drop(this.#layout.layer(id));
      } catch (e) {
        if (record !== undefined) catalog.addLayer(record);
        throw e;
      }
    });
  }

  #removeSnapshot(catalog: Catalog, key: string): Promise<void> {
    return this.#lock.run(`snapshot ${key}`, async () => {
      const entry = catalog.snapshots.get(key);
      if (entry === undefined) {
        await this.#drop(this.#layout.snapshot(key)); // maybe a damaged one
        return;
      }
      this.#refuseHeld(entry);
      await this.#dropSnapshot(catalog, entry);
    });
  }

  async #dropSnapshot(catalog: Catalog, entry: SnapshotEntry): Promise<void> {
    await this.#drop(this.#layout.snapshot(entry.record.key));
    catalog.dropSnapshot(entry);
  }

  /** Committed before anything is unlinked. */
  async #drop(path: string): Promise<void> {
    await this.#layout.discard(path);
    await syncDir(dirname(path));
  }

  #refuseHeld({ record: { key }, holders }: SnapshotEntry): void {
    if (holders.size > 0) throw conflict('snapshot-in-use', `snapshot ${key} is held by ${[...holders].join(', ')}`, { key, holders: [...holders] });
  }

  #layerPlace(catalog: Catalog, { id, parent }: LayerRecord): TreePlace {
    return { kind: 'layer', dir: this.#layout.layer(id), parents: this.#folders(catalog, parent) };
  }

  #snapshotPlace(catalog: Catalog, { record: { key, kind, parent } }: SnapshotEntry): SnapshotPlace {
    return { kind, dir: this.#layout.snapshot(key), parents: this.#folders(catalog, parent) };
  }

  #folders(catalog: Catalog, top: LayerId | null): string[] {
    return catalog.chain(top).map(({ id }) => this.#layout.layer(id));
  }

  /** Of something new, which may make the chain too long. */
  #foldersBelow(catalog: Catalog, top: LayerId | null): string[] {
    const folders = this.#folders(catalog, top);
    if (folders.length >= this.#format.maxLayers) {
      throw new GantryError('exhausted', 'too-many-layers', `there are ${folders.length} layers already: the storage driver ${this.name} stacks ${this.#format.maxLayers} at most; flatten the image`);
    }
    return folders;
  }
}

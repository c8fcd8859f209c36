import type { Layer, LayerId, Snapshot } from '@gantry/driver-api';
import { notFound } from './errors.ts';
import type { LayerRecord, SnapshotRecord } from './records.ts';

/** A snapshot in memory. */
export interface SnapshotEntry {
  readonly record: SnapshotRecord;
  readonly holders: Set<string>;
  mounted: boolean;
}

/** Something on disk that is not as it should be. `path` absolute. */
export interface Damage {
  readonly id: string;
  readonly code: string;
  readonly message: string;
  readonly path: string;
}

/** What is on disk, in memory: all decisions about who depends on whom are made here, without waiting. */
export class Catalog {
  readonly layers: Map<string, LayerRecord> = new Map<string, LayerRecord>();
  readonly snapshots: Map<string, SnapshotEntry> = new Map<string, SnapshotEntry>();
  readonly damaged: Damage[] = [];
  /** How often a layer is a parent, or about to become one. */
  readonly #uses = new Map<string, number>();

  addLayer(record: LayerRecord): void {
    this.layers.set(record.id, record);
    this.#use(record.parent, 1);
  }

  dropLayer(record: LayerRecord): void {
    this.layers.delete(record.id);
    this.#use(record.parent, -1);
  }

  addSnapshot(record: SnapshotRecord, holders: Iterable<string> = [], mounted = false): SnapshotEntry {
    const entry: SnapshotEntry = { record, holders: new Set(holders), mounted };
    this.snapshots.set(record.key, entry);
    this.#use(record.parent, 1);
    return entry;
  }

  dropSnapshot(entry: SnapshotEntry): void {
    this.snapshots.delete(entry.record.key);
    this.#use(entry.record.parent, -1);
  }

  /** Keeps a layer from being removed until the returned function is called. @throws GantryError notFound */
  pin(id: LayerId | null): Disposable {
    if (id !== null) this.layer(id);
    this.#use(id, 1);
    return { [Symbol.dispose]: () => this.#use(id, -1) };
  }

  uses(id: LayerId): number {
    return this.#uses.get(id) ?? 0;
  }

  /** @throws GantryError notFound */
  layer(id: LayerId): LayerRecord {
    const record = this.layers.get(id);
    if (record === undefined) throw notFound('layer', id);
    return record;
  }

  /** @throws GantryError notFound */
  snapshot(key: string): SnapshotEntry {
    const entry = this.snapshots.get(key);
    if (entry === undefined) throw notFound('snapshot', key);
    return entry;
  }

  /** A layer and all below it, topmost first. @throws GantryError notFound: one of them is damaged or gone. */
  chain(top: LayerId | null): LayerRecord[] {
    const out: LayerRecord[] = [];
    const seen = new Set<string>(); // a damaged disk must not make us loop
    for (let id = top; id !== null && !seen.has(id); ) {
      seen.add(id);
      const record = this.layer(id);
      out.push(record);
      id = record.parent;
    }
    return out;
  }

  #use(id: LayerId | null, by: 1 | -1): void {
    if (id === null) return;
    const now = this.uses(id) + by;
    if (now === 0) this.#uses.delete(id);
    else this.#uses.set(id, now);
  }
}

/** As the seam shows it. */
export function asLayer({ id, parent, diffId, bytes }: LayerRecord, existed = false): Layer {
  return { kind: 'layer', id, parent, ...(diffId !== undefined && { diffId }), bytes, ...(existed && { existed }) };
}

/** As the seam shows it. */
export function asSnapshot({ record: { key, kind, parent, idmap }, holders }: SnapshotEntry): Snapshot {
  return { kind, key, parent, holders: [...holders], ...(idmap !== undefined && { idmap }) };
}

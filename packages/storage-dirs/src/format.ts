import type { TarSource } from '@gantry/archive';
import type { Bytes, Change, StorageCapabilities } from '@gantry/driver-api';
import type { DiffID } from '@gantry/oci';

/** A layer or a snapshot, as a format sees it. */
export interface TreePlace {
  readonly kind: 'layer' | 'active' | 'view';
  /** Its folder. */
  readonly dir: string;
  /** The folders of the layers below it, topmost first. */
  readonly parents: readonly string[];
}

/** A snapshot, as a format sees it. */
export interface SnapshotPlace extends TreePlace {
  readonly kind: 'active' | 'view';
}

/**
 * How one driver keeps trees in folders. The store around it owns records, locks, holders and the order of renames; a
 * format only fills folders and mounts them. Paths are absolute. `parents` are the folders of the layers below, topmost
 * first. A folder that a call fills is thrown away when the call rejects. Rejects with `GantryError`, or with what Node throws.
 */
export interface TreeFormat {
  /** The driver's name. */
  readonly name: string;
  readonly capabilities: StorageCapabilities;
  /** Layers that a snapshot can stand on. */
  readonly maxLayers: number;

  /** Reads a tar into the empty folder `dir`, durably. */
  ingest(dir: string, tar: TarSource, o: { readonly signal: AbortSignal; readonly onProgress?: (bytes: number) => void }): Promise<{ readonly diffId: DiffID; readonly bytes: number }>;

  /** Turns what `ingest` left into a layer's folder, durably. May be called again, with other parents, when it failed. */
  settle(dir: string, parents: readonly string[]): Promise<void>;

  /** Fills the empty folder `dir` with the layer that the diff of `from` makes over other parents, durably. */
  rebase(from: TreePlace, dir: string, parents: readonly string[]): Promise<void>;

  /** Fills the empty folder of a new snapshot. The store syncs that folder itself, not what lies deeper. */
  prepare(snapshot: SnapshotPlace, signal: AbortSignal): Promise<void>;

  /** Where the tree is seen: `at` if it has to be mounted there, else a folder that is always there. */
  path(snapshot: SnapshotPlace, at: string): string;

  /** Mounts at `at`, an empty folder; only called if `path` is `at`. */
  mount(snapshot: SnapshotPlace, at: string): Promise<void>;

  /** Turns a snapshot's folder into a layer's, durably; the store then renames it. Until then it stays a snapshot. Returns the bytes of its files. */
  commit(snapshot: SnapshotPlace): Promise<number>;

  /** What a layer or a snapshot adds to `parents`, as a tar. */
  diff(item: TreePlace, signal: AbortSignal): Bytes;

  changes(snapshot: SnapshotPlace, signal: AbortSignal): AsyncIterable<Change>;

  /** Names in a layer's or snapshot's folder without which it is damaged. */
  required(kind: 'layer' | 'snapshot'): readonly string[];

  status(): Promise<[string, string][]>;
}

import type { DiffID } from '@gantry/oci';
import type { Bytes, Call, Driver, IdMap, LayerId, Mount } from './common.ts';

/** What a storage driver can do. The conformance kit proves each of them. */
export interface StorageCapabilities {
  /** `begin()` returns a sink, and `ingest({ sunk })` is understood. */
  readonly sink: boolean;
  /** `diff()` of an ingested layer yields the very bytes that were ingested; else bytes of the same meaning. */
  readonly exactDiff: boolean;
  /** `prepare()` takes `idmap`. */
  readonly idmap: boolean;
  /** `prepare()` takes `sizeLimit`. */
  readonly quota: boolean;
}

/** Where the bytes of a layer come from; always an uncompressed tar (OCI image spec, "Image Layer Filesystem Changeset"). */
export type IngestSource =
  /** A stream. */
  | { tar: Bytes }
  /** An absolute path in the driver's domain, read to its end; may be a FIFO, so that the bytes skip the event loop. */
  | { path: string }
  /** So many bytes already stand in the sink that `begin()` returned. */
  | { sunk: number };

/** The layer's name, and what lies under it (`null`: nothing). */
export type LayerPlace = { id: LayerId; parent: LayerId | null };

/** One item of a storage driver. */
export type StorageRef = { layer: LayerId } | { snapshot: string };

/**
 * One path that a snapshot has changed; absolute inside it, and never `/` itself. A folder is changed if its own attributes
 * are; its time changes with the names in it.
 */
export interface Change {
  readonly path: string;
  readonly kind: 'add' | 'modify' | 'delete';
}

/** Disk that an item takes for itself alone. */
export interface StorageUsage {
  /** Bytes allocated, in whole blocks. */
  readonly bytes: number;
  /** Files, folders and other inodes; a hard-linked one counts once. */
  readonly inodes: number;
}

/**
 * Layers (read-only, named, stacked on a parent) and snapshots (what a container or a build step sees and writes).
 *
 * A layer comes in by `begin` -> `ingest` -> `publish`, or from a snapshot by `commit`. A snapshot is `prepare`d, and
 * mounted while it has a holder. Ids, owners and xattrs are always those that the container sees, whatever id map
 * stands between it and the disk. Keys of ingests and of snapshots are two sets of names, chosen by the engine.
 */
export interface StorageDriver extends Driver {
  /** Constant for the life of the driver. */
  readonly capabilities: StorageCapabilities;

  /** @throws notFound */
  layer(id: LayerId): Promise<Layer>;

  /** @throws notFound */
  snapshot(key: string): Promise<Snapshot>;

  /** All layers and snapshots, in no order; not unfinished ingests. An item made or removed meanwhile may or may not be in it. */
  list(o?: Call): AsyncIterable<Layer | Snapshot>;

  /**
   * Starts an ingest, discarding an unfinished one of that key (the exception to G2). Without capability `sink` it may
   * be skipped. An ingest that was not published does not survive `open()`.
   *
   * @param o.size Bytes of the tar, if known.
   * @returns `sink`: where a writer of this domain puts the raw tar, from `offset` on.
   */
  begin(key: string, o?: { size?: number }): Promise<{ sink?: { path: string; offset: number } }>;

  /**
   * Consumes a tar, hashes it and makes it durable. Nothing is visible yet, and no parent is needed. An earlier ingest
   * of the same key is replaced. After a rejection nothing is kept.
   *
   * @param o.onProgress Bytes of tar so far; the last call tells the total.
   * @returns The digest and the bytes of the tar.
   * @throws dataLoss: the digest is not `expect`, or the tar is cut off. invalid: malformed, or a path in it leads
   *   outside. exhausted: a limit, or the disk. notImplemented: `sunk` without capability `sink`. aborted
   */
  ingest(
    key: string,
    src: IngestSource,
    o?: Call & { expect?: DiffID; onProgress?(bytes: number): void },
  ): Promise<{ diffId: DiffID; bytes: number }>;

  /**
   * An ingest becomes a layer, by one rename. Folders that the tar implies but does not name take mode, owner and
   * xattrs from the parent; hard links may name files of the parent. A known id: the ingest is dropped and that layer
   * returned, with `existed`. Takes no signal.
   *
   * @throws notFound: the ingest or the parent. conflict: the id has another parent or another content. invalid: a hard link
   *   names a file that is in neither the tar nor the parent.
   */
  publish(key: string, as: LayerPlace): Promise<Layer>;

  /**
   * Puts the same diff over another parent (`COPY --link`, MergeOp). `from` stays.
   *
   * @throws notFound: `from` or the parent. conflict: the id has another parent or another content.
   */
  rebase(from: LayerId, as: LayerPlace): Promise<Layer>;

  /** Drops an ingest (G3). A running one of that key is ended with kind `aborted`. */
  discard(key: string): Promise<void>;

  /**
   * Makes a snapshot: an empty diff over `parent`. G2 compares `parent`, `view`, `sizeLimit` and `idmap`.
   *
   * @param o.view Read-only.
   * @param o.sizeLimit Bytes that the diff may grow to (capability `quota`).
   * @param o.idmap The map of the container's user namespace (capability `idmap`).
   * @throws notFound: the parent. conflict. notImplemented: a capability that is false.
   */
  prepare(key: string, parent: LayerId | null, o?: Call & { view?: boolean; sizeLimit?: number; idmap?: IdMap }): Promise<Snapshot>;

  /**
   * Mounts a snapshot for a holder; all holders see the same tree at the same path. It is visible in the domain's
   * initial mount namespace. The holder is on record before the mount exists; holders survive a crash and a reboot,
   * except `tmp:<session>:*` ones, which `open()` drops once their session is over. Mounting again for the same holder
   * resolves, also after a reboot, when it mounts anew.
   *
   * @throws notFound
   */
  mount(key: string, holder: string, o?: Call): Promise<{ path: string }>;

  /**
   * The mounts that another kernel (a VM) has to make for itself; counts as a hold, ended by `release`.
   *
   * @throws notFound. notImplemented
   */
  lend(key: string, holder: string): Promise<Mount[]>;

  /** Ends one hold; the last one unmounts. Resolves if there is no such holder or no such snapshot (G3). */
  release(key: string, holder: string): Promise<void>;

  /**
   * The snapshot is consumed and becomes a layer over its own parent (build steps). The layer has no `diffId`: `diff()`
   * gives it when it is exported. A known id with that parent: the snapshot is dropped and that layer returned, with
   * `existed`. Takes no signal. The commit of a container that goes on is `diff` + `ingest` + `publish`.
   *
   * @throws notFound. conflict: it is held, is a view, or the id has another parent.
   */
  commit(key: string, as: { id: LayerId }): Promise<Layer>;

  /**
   * What the item adds to its parent, as an uncompressed tar with OCI whiteouts. Of a snapshot that is written to
   * meanwhile, each file is as it was at some instant of the call.
   *
   * @throws notFound, at the first `next()`.
   */
  diff(id: StorageRef, o?: Call): Bytes;

  /**
   * The paths that a snapshot changed, parents before children, else in no order. A deleted folder is one change, whatever was in it.
   *
   * @throws notFound, at the first `next()`.
   */
  changes(key: string, o?: Call): AsyncIterable<Change>;

  /** Exclusive use: summed over `list()` it is the driver's disk. @throws notFound */
  usage(id: StorageRef, o?: Call): Promise<StorageUsage>;

  /** Resolves when absent (G3). The disk may be given back later, by `gc()`. @throws conflict: it has children or holders. */
  remove(id: StorageRef): Promise<void>;

  /** Deletes what no record names: unfinished ingests of earlier sessions, what `remove` and `open` set aside. @returns Bytes given back. */
  gc(o?: Call): Promise<{ bytes: number }>;
}

/** A read-only diff over a parent. */
export interface Layer {
  readonly kind: 'layer';
  readonly id: LayerId;
  /** `null`: a base layer. */
  readonly parent: LayerId | null;
  /** The digest of its tar; absent for a committed snapshot, whose tar was never made. */
  readonly diffId?: DiffID;
  /** Bytes of its tar; for a committed snapshot, of its files. */
  readonly bytes: number;
  /** In an answer of `publish`, `rebase` and `commit` only: the layer was there before. */
  readonly existed?: boolean;
}

/** A tree over a layer that can be mounted. */
export interface Snapshot {
  /** A `view` is read-only. */
  readonly kind: 'active' | 'view';
  readonly key: string;
  /** `null`: over nothing. */
  readonly parent: LayerId | null;
  /** Who holds it now, in no order. */
  readonly holders: string[];
  readonly idmap?: IdMap;
}

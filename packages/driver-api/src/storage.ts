import type { DiffID } from '@gantry/oci';
import type { Bytes, Call, Driver, IdMap, LayerId, Mount } from './common.ts';

export interface StorageDriver extends Driver {
  readonly capabilities: { sink: boolean; exactDiff: boolean /* diff() of an ingested layer yields the very bytes ingested */; idmap: boolean; quota: boolean };
  layer(id: LayerId): Promise<Layer>;
  snapshot(key: string): Promise<Snapshot>;
  list(o?: Call): AsyncIterable<Layer | Snapshot>;
  /** sink: where a writer of this domain puts the raw tar itself (blob drivers: layer file, offset 4096). Discards an unfinished ingest of that key (exception to G2). */
  begin(key: string, o?: { size?: number }): Promise<{ sink?: { path: string; offset: number } }>;
  /** Consumes, hashes, fsyncs; nothing visible. Needs no parent. dataLoss: not `expect`. path may be a FIFO, so that bytes skip the event loop. tar is uncompressed; sunk is the byte count. */
  ingest(key: string, src: { tar: Bytes } | { path: string } | { sunk: number }, o?: Call & { expect?: DiffID; onProgress?(bytes: number): void }): Promise<{ diffId: DiffID; bytes: number }>;
  /** One rename. Directories that the tar implies take mode, owner and xattrs from the parent, hard links may name its
   *  files. Known id: ingest dropped, that layer returned. notFound parent. No signal. */
  publish(key: string, as: { id: LayerId; parent: LayerId | null }): Promise<Layer>;
  /** The same diff over another parent (COPY --link, MergeOp). */
  rebase(from: LayerId, as: { id: LayerId; parent: LayerId | null }): Promise<Layer>;
  discard(key: string): Promise<void>;
  prepare(key: string, parent: LayerId | null, o?: Call & { view?: boolean; sizeLimit?: number; idmap?: IdMap }): Promise<Snapshot>;
  /** Visible in the domain's initial mount namespace. Holder recorded before the mount. */
  mount(key: string, holder: string, o?: Call): Promise<{ path: string }>;
  /** Other kernels (VM) only */
  lend(key: string, holder: string): Promise<Mount[]>;
  release(key: string, holder: string): Promise<void>;
  /** The snapshot is consumed and becomes a layer (build steps); conflict while held. No DiffID needed, diff() gives it when exported. No signal.
   *  `docker commit` of a container that goes on is diff() + ingest() + publish(). */
  commit(key: string, as: { id: LayerId }): Promise<Layer>;
  diff(id: { layer: LayerId } | { snapshot: string }, o?: Call): Bytes;
  changes(key: string, o?: Call): AsyncIterable<{ path: string; kind: 'add' | 'modify' | 'delete' }>;
  /** Exclusive: summed over list() it is the driver's disk. */
  usage(id: { layer: LayerId } | { snapshot: string }, o?: Call): Promise<{ bytes: number; inodes: number }>;
  /** Conflict while it has children or holders */
  remove(id: { layer: LayerId } | { snapshot: string }): Promise<void>;
  gc(o?: Call): Promise<{ bytes: number }>;
}
export interface Layer {
  readonly kind: 'layer';
  readonly id: LayerId;
  readonly parent: LayerId | null;
  readonly diffId?: DiffID;
  readonly bytes: number;
  readonly existed?: boolean;
}
export interface Snapshot {
  readonly kind: 'active' | 'view';
  readonly key: string;
  readonly parent: LayerId | null;
  readonly holders: string[];
  readonly idmap?: IdMap;
}

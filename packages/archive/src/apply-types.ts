import type { DiffID } from '@gantry/oci';
import type { FsIdMap, FsMount, NativeEndpoint } from '@gantry/linux';
import type { TarLimits } from './tar-types.ts';

/** Which tree an operation works on, and how its process is reached. */
export interface TreeTarget {
  readonly native: NativeEndpoint;
  /** Absolute path of a directory on the host: the root nothing leaves. */
  readonly root: string;
  readonly mounts?: readonly FsMount[];
  readonly idmap?: FsIdMap;
}

/**
 * An uncompressed tar: bytes, or the path of a file or FIFO which the worker reads itself, so that they never pass the
 * event loop. Chunks of bytes that own their whole ArrayBuffer are **moved** to the worker: do not use them afterwards.
 */
export type TarSource = AsyncIterable<Uint8Array> | { readonly path: string };

export interface ApplyLayerOptions extends TreeTarget {
  readonly tar: TarSource;
  /**
   * `overlay`: the root is this layer alone; whiteouts become character devices 0/0, opaque directories get
   * `trusted.overlay.opaque`, and a name that is both whited out and present hides what is below it.
   * `apply`: the root is a copy of the parent; whiteouts delete what came from there, in any order.
   */
  readonly mode: 'overlay' | 'apply';
  readonly limits?: Partial<TarLimits>;
  /** Make everything durable before resolving: true unless told otherwise. */
  readonly sync?: boolean;
  readonly signal?: AbortSignal;
  /** Bytes of the tar consumed so far; at most about ten times a second. */
  readonly onProgress?: (bytes: number) => void;
}

/** A hard link whose target is not in this layer, so that it was not made. */
export interface ExternalLink {
  readonly path: Buffer;
  readonly target: Buffer;
}

export interface ApplyLayerResult {
  /** SHA-256 of all bytes of the tar. */
  readonly diffId: DiffID;
  readonly bytes: number;
  /** Entries of the tar, whiteouts included. */
  readonly entries: number;
  /** Sum of the sizes of the files, holes included. */
  readonly contentBytes: number;
  readonly whiteouts: number;
  readonly opaques: number;
  /** The tar hides everything below it. overlayfs heeds no such mark on a layer's root: the driver has to leave the parents out. */
  readonly opaqueRoot: boolean;
  /** Directories that were made because entries lie in them, though the tar does not name them: 0755, 0:0. Sorted. */
  readonly implied: readonly Buffer[];
  /** Mode `overlay` only; in mode `apply` the parent's files are there to be linked. In the order of the tar. */
  readonly externalLinks: readonly ExternalLink[];
  /** Attributes `trusted.overlay.*` of the tar, which only the storage driver may set: they were left out. */
  readonly droppedXattrs: number;
}

export interface UntarOptions extends TreeTarget {
  readonly tar: TarSource;
  /** Directory inside the root to extract into: it exists; links in it are followed inside the root. */
  readonly path: string | Uint8Array;
  readonly maxBytes: number;
  readonly maxInodes: number;
  /** Everything belongs to this owner, whatever the archive says. */
  readonly chown?: { readonly uid: number; readonly gid: number };
  /** `conflict` if a directory would replace a non-directory, or the other way round. */
  readonly keepTypes?: boolean;
  readonly signal?: AbortSignal;
}

export interface PackOptions extends TreeTarget {
  /** What to pack, inside the root; its last component is not followed. The root itself unless told. */
  readonly path?: string | Uint8Array;
  /** Names its first component in the archive; without it the children of the path are at the archive's top. */
  readonly rename?: string | Uint8Array;
  /** Paths relative to what is packed, left out with all below them. */
  readonly exclude?: readonly (string | Uint8Array)[];
  readonly signal?: AbortSignal;
}

export interface DiffOptions extends TreeTarget {
  /** The upper directory of an overlay, inside the root. */
  readonly path?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

import type { DiffID } from '@gantry/oci';
import type { FsIdMap, FsMount, NativeEndpoint } from '@gantry/linux';
import type { TarLimits } from './tar-types.ts';

/** Work for a worker thread, as plain data. */
export type Task = ApplyTask | UntarTask | PackTask | DiffTask;

export interface TaskTree {
  readonly native: NativeEndpoint;
  readonly root: string;
  readonly mounts?: readonly FsMount[];
  readonly idmap?: FsIdMap;
}

/** Bytes that the worker reads itself, or that it is sent. */
export type TaskSource = { readonly path: string } | 'sent';

export interface ApplyTask extends TaskTree {
  readonly kind: 'apply';
  readonly source: TaskSource;
  readonly mode: 'overlay' | 'apply';
  readonly limits?: Partial<TarLimits>;
  readonly sync: boolean;
}

export interface UntarTask extends TaskTree {
  readonly kind: 'untar';
  readonly source: TaskSource;
  readonly below: Uint8Array;
  readonly limits: Partial<TarLimits>;
  readonly chown?: { readonly uid: number; readonly gid: number };
  readonly keepTypes: boolean;
}

export interface PackTask extends TaskTree {
  readonly kind: 'pack';
  readonly path: Uint8Array;
  readonly rename?: Uint8Array;
  readonly exclude: readonly Uint8Array[];
}

export interface DiffTask extends TaskTree {
  readonly kind: 'diff';
  readonly path: Uint8Array;
}

/** What `apply` answers; bytes of names cross threads as plain arrays. */
export interface ApplyAnswer {
  readonly diffId: DiffID;
  readonly bytes: number;
  readonly entries: number;
  readonly contentBytes: number;
  readonly whiteouts: number;
  readonly opaques: number;
  readonly opaqueRoot: boolean;
  readonly implied: readonly Uint8Array[];
  readonly externalLinks: readonly { readonly path: Uint8Array; readonly target: Uint8Array }[];
  readonly droppedXattrs: number;
}

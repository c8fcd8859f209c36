import { packTree, untar, type TreeTarget } from '@gantry/archive';
import type { Bytes } from '@gantry/driver-api';

/** As of `Host.tar`. */
export interface TarOptions {
  readonly signal?: AbortSignal;
  readonly exclude?: readonly string[];
  readonly rename?: string;
}

/** As of `Host.untar`. */
export interface UntarInto {
  readonly signal?: AbortSignal;
  readonly maxBytes: number;
  readonly maxInodes: number;
  readonly chown?: { readonly uid: number; readonly gid: number };
  readonly keepTypes?: boolean;
}

/** What is at a path of a tree, as a tar made in a worker thread. */
export function tarOf(tree: TreeTarget, path: string, { exclude, rename, signal }: TarOptions): Bytes {
  return packTree({ ...tree, path, ...(exclude === undefined ? {} : { exclude }), ...(rename === undefined ? {} : { rename }), ...(signal === undefined ? {} : { signal }) });
}

/** Unpacks into a folder of a tree, in a worker thread. */
export function untarInto(tree: TreeTarget, path: string, tar: Bytes, { maxBytes, maxInodes, chown, keepTypes, signal }: UntarInto): Promise<void> {
  return untar({
    ...tree,
    path,
    tar,
    maxBytes,
    maxInodes,
    ...(chown === undefined ? {} : { chown }),
    ...(keepTypes === undefined ? {} : { keepTypes }),
    ...(signal === undefined ? {} : { signal }),
  });
}

import { treeOf } from './apply-layer.ts';
import type { DiffOptions, PackOptions } from './apply-types.ts';
import { streamTask } from './run-task.ts';

/**
 * A tar of a tree or of one file in it, for export and `docker cp`: parents first, siblings sorted by bytes, hard links kept,
 * extended attributes as `SCHILY.xattr`, sockets left out. Equal trees give equal bytes. Written in a worker thread with
 * bounded memory; leaving the loop early stops it. A file that shrinks meanwhile is filled up with zeros.
 *
 * @throws GantryError what an `FsSession` throws; aborted.
 */
export function packTree(options: PackOptions): AsyncIterable<Uint8Array> {
  const { path, rename, exclude, signal } = options;
  return streamTask(
    {
      kind: 'pack',
      ...treeOf(options),
      path: bytesOf(path ?? ''),
      exclude: exclude?.map(bytesOf) ?? [],
      ...(rename === undefined ? {} : { rename: bytesOf(rename) }),
    },
    signal,
  );
}

/**
 * The upper directory of an overlay as a layer's tar: whiteouts and opaque directories as the OCI image specification has
 * them, the top directory's metadata included.
 *
 * @throws GantryError as `packTree`; invalid `layer-not-plain`: a directory was renamed (redirect), or a file has its content below (metacopy).
 */
export function diffTree(options: DiffOptions): AsyncIterable<Uint8Array> {
  return streamTask({ kind: 'diff', ...treeOf(options), path: bytesOf(options.path ?? '') }, options.signal);
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : value;
}

import { GantryError } from '@gantry/errors';
import type { ApplyLayerOptions, ApplyLayerResult, TarSource, TreeTarget, UntarOptions } from './apply-types.ts';
import { runTask } from './run-task.ts';
import type { TaskSource, TaskTree } from './tasks.ts';

/**
 * Applies a layer's tar to a tree: parsed in a worker thread, done by a process confined to the tree. Rejects without
 * undoing: what is there then is the caller's to remove; nothing touches the tree any more.
 *
 * @throws GantryError what `readTar` throws; what an `FsSession` throws; invalid `tar-not-a-directory`: something lies in what
 * the archive made a file or link; notFound `tar-source-missing`; aborted.
 */
export async function applyLayer(options: ApplyLayerOptions): Promise<ApplyLayerResult> {
  const { mode, limits, sync, signal, onProgress, tar } = options;
  const answer = await runTask(
    { kind: 'apply', ...treeOf(options), source: sourceOf(tar), mode, sync: sync ?? true, ...(limits === undefined ? {} : { limits }) },
    { source: bytesOf(tar), signal, onProgress },
  );
  if (answer === null) throw new GantryError('internal', 'archive-worker-lost', 'A worker thread of @gantry/archive gave no answer');
  const { implied, externalLinks, ...rest } = answer;
  return { ...rest, implied: implied.map(view), externalLinks: externalLinks.map(({ path, target }) => ({ path: view(path), target: view(target) })) };
}

/**
 * Extracts an archive into a directory of a tree, as `docker cp` does: links that are there are followed inside the root,
 * names that look like whiteouts are files.
 *
 * @throws GantryError as `applyLayer`; exhausted `tar-limit`; conflict `fs-conflict`: `keepTypes`, or the path is no directory.
 */
export async function untar(options: UntarOptions): Promise<void> {
  const { tar, path, maxBytes, maxInodes, chown, keepTypes, signal } = options;
  await runTask(
    {
      kind: 'untar',
      ...treeOf(options),
      source: sourceOf(tar),
      below: typeof path === 'string' ? Buffer.from(path) : path,
      limits: { maxBytes, maxEntries: maxInodes },
      keepTypes: keepTypes === true,
      ...(chown === undefined ? {} : { chown }),
    },
    { source: bytesOf(tar), signal },
  );
}

/** The plain data that names a tree. */
export function treeOf({ native, root, mounts, idmap }: TreeTarget): TaskTree {
  return {
    native: { socket: native.socket, build: native.build, instance: native.instance },
    root,
    ...(mounts === undefined ? {} : { mounts }),
    ...(idmap === undefined ? {} : { idmap }),
  };
}

function sourceOf(tar: TarSource): TaskSource {
  return 'path' in tar ? { path: tar.path } : 'sent';
}

function bytesOf(tar: TarSource): AsyncIterable<Uint8Array> | undefined {
  return 'path' in tar ? undefined : tar;
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

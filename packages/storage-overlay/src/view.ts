import { mkdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openFsSession, type FsMount, type FsSession } from '@gantry/linux';
import { freshName, type Tools } from '@gantry/storage-dirs';

/** A session in which a folder is seen as `own`, and beside it, read-only, what the layers below make together as `parent`. */
export interface View {
  readonly session: FsSession;
}

/**
 * Runs `fn` in a session over `own` (a folder on the host) and the merged tree of some layers. The kernel does the
 * merging, so whiteouts, opaque folders and links mean there exactly what they mean in a container.
 *
 * @param lower Trees of layers, topmost first; none: there is no `parent`.
 */
export async function withView<T>(tools: Tools, own: string, lower: readonly string[], fn: (session: FsSession) => Promise<T>, signal?: AbortSignal): Promise<T> {
  await using view = await openView(tools, own, lower, signal);
  return await fn(view.session);
}

/** As `withView`, for what yields. */
export async function openView(tools: Tools, own: string, lower: readonly string[], signal?: AbortSignal): Promise<View & AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  const root = await tools.layout.newStage();
  undo.defer(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'own'));
  await mkdir(join(root, 'parent'));
  const mounts: FsMount[] = [{ source: own, target: 'own' }];
  if (lower.length > 0) {
    await mkdir(join(root, 'nothing')); // an overlay of one layer needs a second one
    const at = join(tools.layout.mounts, freshName());
    await mkdir(at, { mode: 0o700 });
    undo.defer(() => rmdir(at));
    await (await tools.native.get()).overlay({ target: at, lower: [...lower, join(root, 'nothing')], readonly: true });
    undo.defer(async () => {
      await (await tools.native.get()).umount(at, { detach: true });
    });
    mounts.push({ source: at, target: 'parent', readonly: true });
  }
  const session = undo.use(await openFsSession((await tools.native.get()).endpoint, { root, mounts, ...(signal && { signal }) }));
  const kept = undo.move();
  return { session, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

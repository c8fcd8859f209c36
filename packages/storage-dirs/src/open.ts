import type { DriverContext, StorageDriver } from '@gantry/driver-api';
import { openFsSession } from '@gantry/linux';
import { asGantryError } from './errors.ts';
import type { TreeFormat } from './format.ts';
import { Holds } from './holds.ts';
import { Layout } from './layout.ts';
import { loadCatalog } from './load.ts';
import { NativeLink } from './native-link.ts';
import { Reclaim, type OpenTree } from './reclaim.ts';
import { TreeStore } from './store.ts';

/** What a format works with. */
export interface Tools {
  readonly native: NativeLink;
  readonly layout: Layout;
}

/**
 * Opens the store of a format in `context.stateDir`. Debris of an earlier session is set aside by one rename; records are
 * read, and mounts counted, while the first calls may already wait for that: so it is quick whatever the state.
 *
 * @throws GantryError as `openNative`; exhausted `disk-full`. forbidden `disk-read-only`.
 */
export async function openStore(context: DriverContext, makeFormat: (tools: Tools) => TreeFormat): Promise<StorageDriver> {
  const layout = await Layout.open(context.stateDir).catch((e: unknown) => {
    throw asGantryError(e);
  });
  const native = await NativeLink.open({ runDir: context.runDir, instance: context.instance });
  const format = makeFormat({ native, layout });
  const holds = new Holds(layout, native, format);
  const openTree: OpenTree = async (root, signal) => await openFsSession((await native.get()).endpoint, { root, ...(signal && { signal }) });
  const catalog = loadCatalog(layout).then(async (loaded) => {
    for (const { id, code, message } of loaded.damaged) context.log.warn({ id, code }, message);
    await holds.restore(loaded, context.session);
    return loaded;
  });
  catalog.catch(() => undefined); // every call awaits it, and is told
  return new TreeStore({ context, format, layout, native, holds, reclaim: new Reclaim(layout, openTree), catalog });
}

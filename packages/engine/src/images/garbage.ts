import type { LayerId, Logger, StorageDriver } from '@gantry/driver-api';
import { isGantryError, toGantryError } from '@gantry/errors';
import type { Digest } from '@gantry/oci';
import type { Database } from '../state/database.ts';
import type { Lock } from '../util/lock.ts';
import type { BlobFiles } from './blob-files.ts';
import type { ImageCatalog } from './catalog.ts';
import type { ImageTable } from './image-table.ts';
import { keepInterruptedFor, type Leases } from './leases.ts';
import { topChain } from './records.ts';

export interface GarbageNeeds {
  readonly db: Database;
  readonly table: ImageTable;
  readonly catalog: ImageCatalog;
  readonly leases: Leases;
  readonly blobs: BlobFiles;
  readonly storage: StorageDriver;
  readonly log: Logger;
  /** Held while something on disk and its row come or go together. */
  readonly lock: Lock;
  /** Chain IDs that containers stand on, made or being made. */
  chainsInUse(): readonly string[];
}

/** What nobody needs any more, and the order to delete it in. */
interface Garbage {
  /** A layer before the one it lies on. */
  readonly layers: readonly string[];
  readonly blobs: readonly Digest[];
}

/**
 * Deletes the layers and blobs that no image, container or lease needs. The rows go first, in one transaction with
 * finding out that nobody needs them; what a crash then leaves on disk is found by `collectStrays`.
 * @returns Chain IDs of the layers that are gone.
 */
export async function collectGarbage(needs: GarbageNeeds): Promise<readonly string[]> {
  const garbage = needs.db.transaction(() => {
    needs.table.deleteOrphanedManifests();
    const found = findGarbage(needs);
    for (const id of found.layers) needs.table.deleteLayer(id);
    for (const digest of found.blobs) needs.table.deleteBlob(digest);
    return found;
  });
  const gone: string[] = [];
  for (const id of garbage.layers) if (await removeLayer(needs, id)) gone.push(id);
  for (const digest of garbage.blobs) await removeBlob(needs, digest);
  return gone;
}

function findGarbage(needs: GarbageNeeds): Garbage {
  const { table, catalog, leases } = needs;
  const layers = table.layers();
  const leased = leases.sweep();
  const needed = new Set<string>();
  const keep = (id: string | null): void => {
    for (let at = id; at !== null && !needed.has(at); at = layers.get(at)?.parent ?? null) needed.add(at);
  };
  const blobs = new Set<string>([...leased.blobs, ...table.documents()]);
  for (const image of catalog.all()) for (const manifest of image.manifests) keep(topChain(manifest));
  for (const id of [...needs.chainsInUse(), ...leased.layers]) keep(id);
  const depth = (id: string): number => {
    let n = 0;
    for (let at: string | null = id; at !== null; at = layers.get(at)?.parent ?? null) n += 1;
    return n;
  };
  return {
    layers: [...layers.keys()].filter((id) => !needed.has(id)).sort((a, b) => depth(b) - depth(a)),
    blobs: table.blobs().filter((digest) => !blobs.has(digest)),
  };
}

function removeLayer({ storage, table, lock, log }: GarbageNeeds, id: string): Promise<boolean> {
  return lock.run(async () => {
    if (table.hasLayer(id)) return false; // a pull has brought it back
    try {
      await storage.remove({ layer: id as LayerId }); // a layer's id is its chain ID
      return true;
    } catch (error) {
      // What lies on it is not gone yet, or it is mounted: the next run tries again.
      if (!isGantryError(error) || error.kind !== 'conflict') log.warn({ layer: id, error: toGantryError(error).message }, 'a layer that nobody needs could not be deleted');
      return false;
    }
  });
}

async function removeBlob({ blobs, table, leases, lock }: GarbageNeeds, digest: Digest): Promise<void> {
  await lock.run(async () => {
    if (!table.hasBlob(digest) && !leases.holdsBlob(digest)) await blobs.delete(digest);
  });
}

/** Deletes layers of the driver and blobs on disk that no row names: a crash left them between the row and the disk. For an engine that begins: no pull is under way. */
export async function collectStrays(needs: GarbageNeeds): Promise<void> {
  const { storage, table, leases, blobs } = needs;
  const strays = new Map<string, string | null>();
  for await (const item of storage.list()) if (item.kind === 'layer' && !table.hasLayer(item.id)) strays.set(item.id, item.parent);
  // From the top down: each round takes those that nothing lies on any more.
  for (let before = -1; strays.size !== before && strays.size > 0; ) {
    before = strays.size;
    const parents = new Set(strays.values());
    for (const id of [...strays.keys()].filter((stray) => !parents.has(stray))) if (await removeLayer(needs, id)) strays.delete(id);
  }
  for await (const { digest } of blobs.list()) if (!table.hasBlob(digest) && !leases.holdsBlob(digest)) await removeBlob(needs, digest);
  await blobs.sweepPartial(keepInterruptedFor);
}

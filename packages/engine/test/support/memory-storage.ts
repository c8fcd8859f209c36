import { createHash } from 'node:crypto';
import type { Layer, Snapshot, StorageDriver } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { parseDiffID } from '@gantry/oci';
import { conflict, nothing, notFound, type World } from './world.ts';

const unused = (): never => {
  throw new GantryError('notImplemented', 'unused', 'the engine does not use this');
};

/** The storage seam over a `World`: ids, parents, holders and conflicts as promised; no bytes of files. */
export function memoryStorage(world: World, generation: number): StorageDriver {
  const enter = (call: string): Promise<void> => world.enter(generation, `storage.${call}`);
  const snapshotOf = (key: string): Snapshot => {
    const snapshot = world.snapshots.get(key);
    if (snapshot === undefined) throw notFound(`snapshot ${key}`);
    return snapshot;
  };
  return {
    name: 'memory',
    domain: 'local',
    capabilities: { sink: false, exactDiff: false, idmap: false, quota: false },
    status: async () => [['Backing', 'memory']],
    check: nothing,
    async layer(id) {
      const layer = world.layers.get(id);
      if (layer === undefined) throw notFound(`layer ${id}`);
      return layer;
    },
    snapshot: async (key) => snapshotOf(key),
    async *list() {
      await enter('list');
      yield* [...world.layers.values()];
      yield* [...world.snapshots.values()];
    },
    async begin(key) {
      await enter('begin');
      world.ingests.delete(key);
      return {};
    },
    async ingest(key, source, o = {}) {
      await enter('ingest');
      if (!('tar' in source)) return unused();
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const chunk of source.tar) {
        if (o.signal?.aborted === true) throw new GantryError('aborted', 'aborted', 'aborted');
        hash.update(chunk);
        bytes += chunk.length;
      }
      const diffId = parseDiffID(`sha256:${hash.digest('hex')}`);
      if (o.expect !== undefined && o.expect !== diffId) throw new GantryError('dataLoss', 'diff-id-mismatch', `expected ${o.expect}, got ${diffId}`);
      world.ingests.set(key, { diffId, bytes });
      return { diffId, bytes };
    },
    async publish(key, { id, parent }) {
      await enter('publish');
      const ingest = world.ingests.get(key);
      if (ingest === undefined) throw notFound(`ingest ${key}`);
      if (parent !== null && !world.layers.has(parent)) throw notFound(`layer ${parent}`);
      world.ingests.delete(key);
      const known = world.layers.get(id);
      if (known !== undefined) return { ...known, existed: true };
      const layer: Layer = { kind: 'layer', id, parent, bytes: ingest.bytes, ...(ingest.diffId === undefined ? {} : { diffId: ingest.diffId }) };
      world.layers.set(id, layer);
      return layer;
    },
    rebase: unused,
    async discard(key) {
      await enter('discard');
      world.ingests.delete(key);
    },
    async prepare(key, parent) {
      await enter('prepare');
      if (parent !== null && !world.layers.has(parent)) throw notFound(`layer ${parent}`);
      const known = world.snapshots.get(key);
      if (known !== undefined && known.parent !== parent) throw conflict(`snapshot ${key} has another parent`);
      const snapshot: Snapshot = known ?? { kind: 'active', key, parent, holders: [] };
      world.snapshots.set(key, snapshot);
      return snapshot;
    },
    async mount(key, holder) {
      await enter('mount');
      const snapshot = snapshotOf(key);
      world.snapshots.set(key, { ...snapshot, holders: [...new Set([...snapshot.holders, holder])] });
      return { path: `/mnt/${key}` };
    },
    lend: unused,
    async release(key, holder) {
      await enter('release');
      const snapshot = world.snapshots.get(key);
      if (snapshot !== undefined) world.snapshots.set(key, { ...snapshot, holders: snapshot.holders.filter((other) => other !== holder) });
    },
    commit: unused,
    diff: unused,
    changes: unused,
    usage: async (ref) => ('layer' in ref ? { bytes: world.layers.get(ref.layer)?.bytes ?? 0, inodes: 1 } : { bytes: 4096, inodes: 1 }),
    async remove(ref) {
      await enter('remove');
      if ('snapshot' in ref) {
        if ((world.snapshots.get(ref.snapshot)?.holders.length ?? 0) > 0) throw conflict(`snapshot ${ref.snapshot} is held`);
        world.snapshots.delete(ref.snapshot);
        return;
      }
      const children = [...world.layers.values(), ...world.snapshots.values()].some(({ parent }) => parent === ref.layer);
      if (children) throw conflict(`layer ${ref.layer} has children`);
      world.layers.delete(ref.layer);
    },
    gc: async () => ({ bytes: 0 }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

import { join } from 'node:path';
import type { CheckFinding, LayerId } from '@gantry/driver-api';
import type { Catalog, Damage } from './catalog.ts';
import { exists } from './load.ts';
import { nameOf } from './names.ts';
import type { StoreParts } from './store.ts';

/**
 * Compares records, folders and mounts. Repair takes what is damaged out of the way, into `damaged/`, so that the same
 * id can be made again; nothing is deleted.
 */
export async function* checkStore(parts: StoreParts, repair: boolean): AsyncGenerator<CheckFinding, void, undefined> {
  const catalog = await parts.catalog;
  await findIncomplete(parts, catalog);
  for (const { id, code, message, path } of [...catalog.damaged]) {
    if (repair) {
      await parts.layout.discard(path, 'damaged');
      catalog.damaged.splice(catalog.damaged.findIndex((d) => d.path === path), 1);
    }
    yield { id, code, message, repaired: repair };
  }
  for (const { id, parent } of catalog.layers.values()) if (isOrphan(catalog, parent)) yield orphan('layer', id, parent);
  for (const { record } of catalog.snapshots.values()) if (isOrphan(catalog, record.parent)) yield orphan('snapshot', record.key, record.parent);
  for (const path of await parts.holds.strays(catalog)) {
    if (repair) await parts.holds.unmountStray(path);
    yield { id: path, code: 'mount-unheld', message: `something is mounted at ${path} that no holder accounts for; a check with repair unmounts it`, repaired: repair };
  }
}

/** Moves what lacks a part from the catalog's good items to its damaged ones. */
async function findIncomplete({ layout, format }: StoreParts, catalog: Catalog): Promise<void> {
  for (const record of [...catalog.layers.values()]) {
    const path = join(layout.layers, nameOf(record.id));
    const lost = await firstAbsent(path, format.required('layer'));
    if (lost === undefined || catalog.layers.get(record.id) !== record) continue; // removed meanwhile
    catalog.dropLayer(record);
    catalog.damaged.push(incomplete('layer', record.id, path, lost));
  }
  for (const entry of [...catalog.snapshots.values()]) {
    const { key } = entry.record;
    const path = join(layout.snapshots, nameOf(key));
    const lost = await firstAbsent(path, format.required('snapshot'));
    if (lost === undefined || catalog.snapshots.get(key) !== entry || entry.holders.size > 0) continue; // held: not ours to take away
    catalog.dropSnapshot(entry);
    catalog.damaged.push(incomplete('snapshot', key, path, lost));
  }
}

async function firstAbsent(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (!(await exists(join(folder, name)))) return name;
  return undefined;
}

function incomplete(what: 'layer' | 'snapshot', id: string, path: string, lost: string): Damage {
  return { id, path, code: `${what}-incomplete`, message: `${what} ${id} has lost its ${lost}; a check with repair takes it out of the way` };
}

function isOrphan(catalog: Catalog, parent: LayerId | null): parent is LayerId {
  return parent !== null && !catalog.layers.has(parent);
}

function orphan(what: 'layer' | 'snapshot', id: string, parent: LayerId): CheckFinding {
  return { id, code: 'parent-missing', message: `${what} ${id} stands on layer ${parent}, which is gone: pull the image again, or remove the ${what}`, repaired: false };
}

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Catalog, type Damage } from './catalog.ts';
import { isAbsent } from './errors.ts';
import { holdersFile, layerFile, snapshotFile, type Layout } from './layout.ts';
import { nameOf } from './names.ts';
import { parseHolders, parseLayer, parseSnapshot } from './records.ts';

/** Files read at the same time. */
const parallel = 64;

/**
 * Reads all records. What is damaged is noted and left alone: its id then does not exist, which a caller can deal with
 * (pull it again), while a driver that does not open helps nobody.
 */
export async function loadCatalog(layout: Layout): Promise<Catalog> {
  const catalog = new Catalog();
  await each(layout.layers, async (path, name) => {
    const record = parseLayer((await readText(join(path, layerFile))) ?? '');
    if (record !== undefined && nameOf(record.id) === name) catalog.addLayer(record);
    else catalog.damaged.push(damage(path, name, record?.id, 'layer'));
  });
  await each(layout.snapshots, async (path, name) => {
    const [text, held] = await Promise.all([readText(join(path, snapshotFile)), readText(join(path, holdersFile))]);
    const record = parseSnapshot(text ?? '');
    const holders = held === undefined ? [] : parseHolders(held); // the file comes with the first holder
    if (record !== undefined && holders !== undefined && nameOf(record.key) === name) catalog.addSnapshot(record, holders);
    else catalog.damaged.push(damage(path, name, record?.key, 'snapshot'));
  });
  return catalog;
}

async function each(folder: string, fn: (path: string, name: string) => Promise<void>): Promise<void> {
  const names = await readdir(folder);
  const next = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) await fn(join(folder, name), name);
  };
  await Promise.all(Array.from({ length: parallel }, next));
}

/** What cannot be read is damaged, like what makes no sense. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (e) {
    return isAbsent(e) ? undefined : 'unreadable';
  }
}

function damage(path: string, name: string, id: string | undefined, what: 'layer' | 'snapshot'): Damage {
  const problem = id === undefined ? 'its record is missing or damaged' : 'it stands under a name that is not its own';
  return { id: id ?? name, code: `${what}-damaged`, message: `${what} ${id ?? name}: ${problem}; a check with repair takes it out of the way`, path };
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (e) {
    if (isAbsent(e)) return false;
    throw e;
  }
}

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayerId } from '@gantry/driver-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Layout } from '../src/layout.ts';
import { loadCatalog } from '../src/load.ts';
import { nameOf } from '../src/names.ts';

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'gantry-test-'))));
afterEach(() => rm(root, { recursive: true }));

async function put(layout: Layout, kind: 'layers' | 'snapshots', name: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(layout[kind], name));
  for (const [file, text] of Object.entries(files)) await writeFile(join(layout[kind], name, file), text);
}

const layer = (id: string, parent: string | null = null): string => JSON.stringify({ version: 1, id, parent, bytes: 0 });

describe('loading', () => {
  it('finds what is right, and notes what is damaged without touching it', async () => {
    const layout = await Layout.open(root);
    await put(layout, 'layers', nameOf('a'), { 'layer.json': layer('a') });
    await put(layout, 'layers', nameOf('b'), { 'layer.json': layer('b', 'a') });
    await put(layout, 'layers', nameOf('torn'), { 'layer.json': layer('torn').slice(0, 20) });
    await put(layout, 'layers', nameOf('empty'), {});
    await put(layout, 'layers', nameOf('elsewhere'), { 'layer.json': layer('not-elsewhere') });
    await put(layout, 'snapshots', nameOf('s'), { 'snapshot.json': JSON.stringify({ version: 1, key: 's', kind: 'active', parent: 'b' }), 'holders.json': '["h"]' });
    await put(layout, 'snapshots', nameOf('t'), { 'snapshot.json': JSON.stringify({ version: 1, key: 't', kind: 'active', parent: 'b' }), 'holders.json': '[' });
    await writeFile(join(layout.layers, 'a file'), '');
    const catalog = await loadCatalog(layout);
    expect([...catalog.layers.keys()].sort()).toEqual(['a', 'b']);
    expect([...catalog.snapshots.keys()]).toEqual(['s']);
    expect([...catalog.snapshot('s').holders]).toEqual(['h']);
    expect(catalog.uses('b' as LayerId)).toBe(1);
    expect(catalog.damaged.map((d) => d.id).sort()).toEqual([nameOf('empty'), nameOf('torn'), 'a file', 'not-elsewhere', 't'].sort());
    expect((await readdir(layout.layers)).length).toBe(6);
  });

  it('sets aside what an earlier session had under way, and makes all folders private', async () => {
    const first = await Layout.open(root);
    const stage = await first.newStage();
    await writeFile(join(stage, 'x'), '');
    const second = await Layout.open(root);
    expect(await readdir(second.stage)).toEqual([]);
    const [aside] = await readdir(second.trash);
    expect(await readdir(join(second.trash, aside ?? ''))).toHaveLength(1);
  });
});

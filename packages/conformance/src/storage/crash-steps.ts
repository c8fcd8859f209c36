import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext, LayerId, StorageDriver } from '@gantry/driver-api';
import { inPieces, rawTar, type RawEntry, type Tree } from '../harness/index.ts';
import { dir, file, hardlink, layerId, whiteout } from './fixture.ts';

/** What is to be seen of a driver: its layers, and its snapshots with their holders. */
export interface Scene {
  readonly layers: readonly string[];
  readonly snapshots: Readonly<Record<string, readonly string[]>>;
}

/** What a child process is told: everything of a context that is data. */
export interface CrashInput {
  readonly plugin: string;
  readonly options: unknown;
  readonly context: Omit<DriverContext, 'log' | 'signal'>;
  /** The last step to run; then it waits to be killed. Absent: all, and it ends. */
  readonly until?: number;
}

/** One call of the driver that changes what is to be seen; it may be killed at any instant of it. */
export interface CrashStep {
  readonly name: string;
  readonly run: (driver: StorageDriver) => Promise<unknown>;
  /** What is to be seen once it is done. */
  readonly after: Scene;
}

const base: readonly RawEntry[] = [dir('p', { mode: 0o711, uid: 7 }), file('p/old', 'old'), file('p/linked', 'linked'), ...Array.from({ length: 80 }, (_, i) => file(`f${i}`, `${i} `.repeat(40)))];
const child: readonly RawEntry[] = [file('p/q/new', 'new'), whiteout('p/old'), hardlink('link', 'p/linked'), ...Array.from({ length: 40 }, (_, i) => file(`c${i}`, `${i} `.repeat(40)))];

async function put(driver: StorageDriver, name: string, parent: LayerId | null, entries: readonly RawEntry[]): Promise<void> {
  await driver.ingest(name, { tar: inPieces(rawTar(entries), 20_000) });
  await driver.publish(name, { id: layerId(name), parent });
}

const held = 'container';
const fleeting = 'tmp:one:build';

/** A life of layers and snapshots, each step on top of the one before. */
export const crashSteps: readonly CrashStep[] = [
  step('ingest and publish', { layers: ['base'], snapshots: {} }, (d) => put(d, 'base', null, base)),
  step('ingest and publish over a parent', { layers: ['base', 'child'], snapshots: {} }, (d) => put(d, 'child', layerId('base'), child)),
  step('prepare', { layers: ['base', 'child'], snapshots: { s: [] } }, (d) => d.prepare('s', layerId('child'))),
  step('mount', { layers: ['base', 'child'], snapshots: { s: [held] } }, async (d) => {
    const { path } = await d.mount('s', held);
    await writeFile(join(path, 'written'), 'written');
  }),
  step('release', { layers: ['base', 'child'], snapshots: { s: [] } }, (d) => d.release('s', held)),
  step('commit', { layers: ['base', 'child', 'made'], snapshots: {} }, (d) => d.commit('s', { id: layerId('made') })),
  step('rebase', { layers: ['base', 'child', 'made', 'moved'], snapshots: {} }, (d) => d.rebase(layerId('child'), { id: layerId('moved'), parent: layerId('made') })),
  step('prepare and mount a view', { layers: ['base', 'child', 'made', 'moved'], snapshots: { v: [] } }, async (d) => {
    await d.prepare('v', layerId('moved'), { view: true });
    await d.mount('v', fleeting); // gone with its session, so never to be seen afterwards
  }),
  step('remove a snapshot', { layers: ['base', 'child', 'made', 'moved'], snapshots: {} }, async (d) => {
    await d.release('v', fleeting);
    await d.remove({ snapshot: 'v' });
  }),
  step('remove a layer', { layers: ['base', 'child', 'made'], snapshots: {} }, (d) => d.remove({ layer: layerId('moved') })),
  step('gc', { layers: ['base', 'child', 'made'], snapshots: {} }, (d) => d.gc()),
];

function step(name: string, after: Scene, run: (driver: StorageDriver) => Promise<unknown>): CrashStep {
  return { name, after, run };
}

export const before: Scene = { layers: [], snapshots: {} };

const childTree: Tree = { ...treeOf(base.filter((e) => e.name !== 'p/old')), ...treeOf(child.filter((e) => e.name !== 'p/.wh.old')), '/p': 'dir 711 7:0', '/p/q': 'dir 755 0:0', '/link': 'file 644 0:0 "linked"', '/p/linked': 'hardlink to /link' };
const madeTree: Tree = { ...childTree, '/written': 'file 644 0:0 "written"' };

/** What each layer shows. */
export const crashTrees: Readonly<Record<string, Tree>> = { base: treeOf(base), child: childTree, made: madeTree, moved: madeTree };

/** Of a tar with plain files and folders. */
function treeOf(entries: readonly RawEntry[]): Tree {
  const seen = entries.map(({ name, type, mode, uid = 0, data = '' }): [string, string] => {
    const path = `/${String(name).replace(/\/$/, '')}`;
    return type === 'dir' ? [path, `dir ${(mode ?? 0o755).toString(8)} ${uid}:0`] : [path, `file 644 ${uid}:0 ${JSON.stringify(data)}`];
  });
  return { '/': 'dir 755 0:0', ...Object.fromEntries(seen) };
}

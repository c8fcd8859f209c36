import { lstat, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Environment, inPieces, rawTar, type RawEntry } from '@gantry/conformance';
import type { LayerId, StorageDriver } from '@gantry/driver-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import vfs from '../src/index.ts';

const id = (name: string): LayerId => name as LayerId;
const base: readonly RawEntry[] = [{ name: 'd/', type: 'dir' }, { name: 'd/gone', type: 'file', data: 'x' }, { name: 'd/kept', type: 'file', data: 'kept' }, { name: 'big', type: 'file', data: Buffer.alloc(1 << 20, 'b') }];

describe.runIf(process.geteuid?.() === 0)('vfs', () => {
  let env: Environment;
  let driver: StorageDriver;
  beforeEach(async () => {
    env = await Environment.create();
    driver = await vfs.open(env.context('one'), {});
  });
  afterEach(async () => {
    await driver[Symbol.asyncDispose]();
    await env[Symbol.asyncDispose]();
  });

  async function put(name: string, parent: string | null, entries: readonly RawEntry[]): Promise<void> {
    await driver.ingest(name, { tar: inPieces(rawTar(entries), 65_536) });
    await driver.publish(name, { id: id(name), parent: parent === null ? null : id(parent) });
  }

  /** Folder of the only layer that has a file of this name in its tree. */
  async function treeWith(name: string): Promise<string> {
    const layers = join(env.stateDir, 'layers');
    const found = (await readdir(layers)).map((layer) => join(layers, layer, 'root'));
    const has = await Promise.all(found.map((root) => stat(join(root, name)).then(() => true, () => false)));
    return found[has.indexOf(true)] ?? '';
  }

  it('applies whiteouts for real', async () => {
    await put('base', null, base);
    await put('top', 'base', [{ name: 'd/.wh.gone', type: 'file' }, { name: 'top', type: 'file', data: 'top' }]);
    const root = await treeWith('top');
    expect(await readdir(join(root, 'd'))).toEqual(['kept']);
    expect((await readdir(root)).sort()).toEqual(['big', 'd', 'top']);
  });

  it('shows a view of the layer itself, and no copy', async () => {
    await put('base', null, base);
    await driver.prepare('v', id('base'), { view: true });
    const { path } = await driver.mount('v', 'test');
    expect((await stat(join(path, 'big'))).ino).toBe((await stat(join(await treeWith('big'), 'big'))).ino);
    await expect(writeFile(join(path, 'big'), '')).rejects.toMatchObject({ code: 'EROFS' });
    expect((await driver.usage({ snapshot: 'v' })).bytes).toBeLessThan(64 * 1024);
    await driver.release('v', 'test');
    expect(await env.mounts()).toEqual([]);
  });

  it('gives every snapshot files of its own', async () => {
    await put('base', null, base);
    await driver.prepare('s', id('base'));
    const { path } = await driver.mount('s', 'test');
    await writeFile(join(path, 'd/kept'), 'changed');
    expect(await readFile(join(await treeWith('big'), 'd/kept'), 'utf8')).toBe('kept');
    await driver.release('s', 'test');
  });

  it('leaves no trace of a diff in what it is the diff of', async () => {
    await put('base', null, base);
    await driver.prepare('s', id('base'));
    const { path } = await driver.mount('s', 'test');
    await writeFile(join(path, 'new'), 'new');
    const before = await lstat(join(path, 'new'));
    for await (const chunk of driver.diff({ snapshot: 's' })) expect(chunk.length).toBeGreaterThan(0);
    const after = await lstat(join(path, 'new'));
    expect([after.nlink, after.mtimeMs, after.ino]).toEqual([before.nlink, before.mtimeMs, before.ino]);
    expect(await readdir(join(env.stateDir, 'stage'))).toEqual([]);
    await driver.release('s', 'test');
  });

  it('exports a layer byte for byte', async () => {
    const tar = Buffer.concat([rawTar([{ name: './z', type: 'file', data: 'z' }, { name: 'a', type: 'file', data: 'a' }]), Buffer.alloc(9000)]);
    await driver.ingest('k', { tar: inPieces(tar) });
    await driver.publish('k', { id: id('odd'), parent: null });
    expect(Buffer.concat(await Array.fromAsync(driver.diff({ layer: id('odd') }))).equals(tar)).toBe(true);
  });

  it('tells that it can work here, and leaves nothing behind', async () => {
    expect(await vfs.probe(env.context('one'), {})).toEqual({ ok: true });
    expect(await readdir(join(env.stateDir, 'stage'))).toEqual([]);
  });
});

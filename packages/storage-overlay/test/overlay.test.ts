import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Environment, rawTar, readTree, type RawEntry } from '@gantry/conformance';
import type { LayerId, StorageDriver } from '@gantry/driver-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import overlay from '../src/index.ts';

const id = (name: string): LayerId => name as LayerId;
const base: readonly RawEntry[] = [{ name: 'etc/', type: 'dir' }, { name: 'etc/os', type: 'file', data: 'base' }, { name: 'etc/gone', type: 'file', data: 'x' }, { name: 'big', type: 'file', data: Buffer.alloc(3 << 20, 'b') }];

describe.runIf(process.geteuid?.() === 0)('overlay', () => {
  let env: Environment;
  let driver: StorageDriver;
  beforeEach(async () => {
    env = await Environment.create();
    driver = await overlay.open(env.context('one'), {});
  });
  afterEach(async () => {
    await driver[Symbol.asyncDispose]();
    await env[Symbol.asyncDispose]();
  });

  async function put(name: string, parent: string | null, entries: readonly RawEntry[]): Promise<void> {
    await driver.ingest(name, { tar: oneChunk(rawTar(entries)) });
    await driver.publish(name, { id: id(name), parent: parent === null ? null : id(parent) });
  }

  async function diskOf(folder: string): Promise<number> {
    const names = await readdir(folder, { recursive: true });
    const blocks = new Map<bigint, bigint>();
    for (const name of ['.', ...names]) {
      const s = await lstat(join(folder, name), { bigint: true });
      blocks.set(s.ino, s.blocks);
    }
    return Number([...blocks.values()].reduce((sum, b) => sum + b, 0n)) * 512;
  }

  it('keeps a base that two images share once', async () => {
    await put('base', null, base);
    await put('one', 'base', [{ name: 'one', type: 'file', data: 'one' }]);
    await put('two', 'base', [{ name: 'two', type: 'file', data: 'two' }]);
    const again = await put('base', null, base).then(() => driver.layer(id('base')));
    expect(again.parent).toBeNull();
    expect(await readdir(join(env.stateDir, 'layers'))).toHaveLength(3);
    expect(await diskOf(join(env.stateDir, 'layers'))).toBeLessThan(4 << 20);
    const paths: string[] = [];
    for (const name of ['one', 'two']) {
      await driver.prepare(name, id(name));
      paths.push((await driver.mount(name, 'test')).path);
    }
    const [one = '', two = ''] = paths;
    const inodes = await Promise.all(paths.map(async (path) => (await stat(join(path, 'big'))).ino));
    expect(inodes[0]).toBe(inodes[1]);
    expect([await readFile(join(one, 'one'), 'utf8'), await readFile(join(two, 'two'), 'utf8')]).toEqual(['one', 'two']);
    for (const name of ['one', 'two']) await driver.release(name, 'test');
  });

  it('stores a whiteout as the kernel does, and the mount hides the name', async () => {
    await put('base', null, base);
    await put('top', 'base', [{ name: 'etc/.wh.gone', type: 'file' }]);
    await driver.prepare('s', id('top'));
    const { path } = await driver.mount('s', 'test');
    expect(await readdir(join(path, 'etc'))).toEqual(['os']);
    expect(await readTree((await env.native()).endpoint, path)).not.toHaveProperty('/etc/gone');
    await driver.release('s', 'test');
    const names = await readdir(join(env.stateDir, 'layers'), { recursive: true });
    const marks = await Promise.all(names.filter((n) => n.endsWith('etc/gone')).map((n) => lstat(join(env.stateDir, 'layers', n))));
    expect(marks.filter((m) => m.isCharacterDevice() && m.rdev === 0)).toHaveLength(1);
  });

  it('finds its mounts again after SIGKILL, and they go on working meanwhile', async () => {
    await put('base', null, base);
    await driver[Symbol.asyncDispose]();
    const child = spawn(process.execPath, ['--conditions=@gantry/source', '--disable-warning=ExperimentalWarning', fileURLToPath(new URL('./hold.ts', import.meta.url)), JSON.stringify({ stateDir: env.stateDir, runDir: env.runDir, instance: env.instance })], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const path = line.toString().trim();
    await writeFile(join(path, 'written'), 'while it lived');
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(await readFile(join(path, 'written'), 'utf8')).toBe('while it lived');
    await writeFile(join(path, 'after'), 'while it was dead');

    driver = await overlay.open(env.context('two'), {});
    expect((await driver.snapshot('s')).holders).toEqual(['container']);
    expect(await driver.mount('s', 'container')).toEqual({ path });
    expect((await env.mounts()).filter((m) => m === path)).toHaveLength(1);
    expect(await readFile(join(path, 'after'), 'utf8')).toBe('while it was dead');
    expect(await Array.fromAsync(driver.check())).toEqual([]);
    await driver.release('s', 'container');
    expect(await env.mounts()).toEqual([]);
  });

  it('says of each item the disk that it alone takes: together it is the disk of the driver', async () => {
    await put('base', null, base);
    await put('top', 'base', [{ name: 'top', type: 'file', data: Buffer.alloc(1 << 20, 't') }]);
    await driver.prepare('s', id('top'));
    const { path } = await driver.mount('s', 'test');
    await writeFile(join(path, 'written'), Buffer.alloc(2 << 20, 'w'));
    let sum = 0;
    for await (const item of driver.list()) sum += (await driver.usage(item.kind === 'layer' ? { layer: item.id } : { snapshot: item.key })).bytes;
    const disk = (await diskOf(join(env.stateDir, 'layers'))) + (await diskOf(join(env.stateDir, 'snapshots')));
    expect(Math.abs(sum - disk)).toBeLessThan(64 * 1024); // the two folders that hold the items
    await driver.release('s', 'test');
  });

  it('takes a layer apart that was damaged, and lets it be pulled again', async () => {
    await put('base', null, base);
    const [name = ''] = await readdir(join(env.stateDir, 'layers'));
    await driver[Symbol.asyncDispose]();
    await writeFile(join(env.stateDir, 'layers', name, 'layer.json'), '{');
    driver = await overlay.open(env.context('two'), {});
    expect((await Array.fromAsync(driver.check())).map((f) => [f.code, f.repaired])).toEqual([['layer-damaged', false]]);
    await expect(driver.layer(id('base'))).rejects.toMatchObject({ kind: 'notFound' });
    expect((await Array.fromAsync(driver.check({ repair: true }))).map((f) => f.repaired)).toEqual([true]);
    expect(await Array.fromAsync(driver.check())).toEqual([]);
    await put('base', null, base);
    expect((await driver.layer(id('base'))).id).toBe('base');
  });

  it('unmounts what nobody accounts for', async () => {
    await put('base', null, base);
    await driver.prepare('s', id('base'));
    const { path } = await driver.mount('s', 'tmp:one:job');
    await driver[Symbol.asyncDispose]();
    driver = await overlay.open(env.context('two'), {});
    expect((await driver.snapshot('s')).holders).toEqual([]);
    expect(await env.mounts()).not.toContain(path);
  });

  it('goes on when the native side has ended', async () => {
    await put('base', null, base);
    await driver.prepare('s', id('base'));
    const { path } = await driver.mount('s', 'test');
    const native = await env.native();
    await native.quit();
    await native.closed;
    expect(await readFile(join(path, 'etc/os'), 'utf8')).toBe('base');
    await driver.release('s', 'test');
    await put('top', 'base', [{ name: 'etc/new', type: 'file', data: 'x' }]);
    expect(await driver.usage({ layer: id('top') })).toHaveProperty('inodes');
  });

  it('lets nobody but its user in', async () => {
    await put('base', null, base);
    for (const name of await readdir(env.stateDir)) expect((await stat(join(env.stateDir, name))).mode & 0o777).toBe(0o700);
  });

  it('refuses options that would change what a layer means, and says why it cannot work', async () => {
    expect(await overlay.probe(env.context('one'), {})).toEqual({ ok: true });
    expect(await readdir(join(env.stateDir, 'stage'))).toEqual([]);
    expect(await overlay.probe(env.context('one'), { mountOptions: { nonsense: 'on' } })).toMatchObject({ ok: false, reason: expect.stringContaining('does not take the mount options') as string });
  });
});

async function* oneChunk(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(bytes);
}

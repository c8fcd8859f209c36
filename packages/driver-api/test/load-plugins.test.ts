import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isGantryError } from '@gantry/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { definePlugin, loadPlugins, type DriverContext, type DriversConfig, type Kinds, type LoadOptions, type Plugin } from '../src/index.ts';

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'gantry-test-'))));
afterEach(() => rm(root, { recursive: true }));

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => quiet };

function context(_kind: keyof Kinds, name: string): DriverContext {
  return { instance: '0123abcd', session: 's', bootId: 'b', domain: 'local', stateDir: join(root, name), runDir: root, log: quiet, signal: new AbortController().signal };
}

/** A package whose drivers open to `{ name, options }`: enough to see which one was opened, and with what. */
function source(kinds: readonly string[], name: string, more = ''): string {
  const one = (kind: string): string => `{ apiVersion: 1, kind: '${kind}', name: '${name}',
    optionsSchema: { type: 'object', additionalProperties: false, properties: { mtu: { type: 'integer', minimum: 68 }, list: { type: 'array', items: { type: 'string' } } } },
    probe: async () => ({ ok: true }), open: async (c, options) => ({ opened: '${kind}/${name}', options, stateDir: c.stateDir }), ${more} }`;
  return `export default [${kinds.map(one).join(',')}];`;
}

async function install(name: string, code: string, manifest: object = { exports: './main.js' }, at = root): Promise<string> {
  const folder = join(at, 'node_modules', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, type: 'module', ...manifest }));
  await writeFile(join(folder, 'main.js'), code);
  return folder;
}

function builtIn<K extends keyof Kinds>(kind: K, name: string, reason?: string): Plugin<K> {
  return definePlugin({
    kind,
    name,
    optionsSchema: { type: 'object' },
    probe: async () => (reason === undefined ? { ok: true } : { ok: false, reason }),
    open: () => Promise.reject(new Error('not opened here')),
  });
}

const defaults = { storage: [builtIn('storage', 'overlay')], runtimes: { linux: [builtIn('runtime', 'linux'), builtIn('host', 'linux')] } };

function load(config: DriversConfig, options: Partial<LoadOptions> = {}): ReturnType<typeof loadPlugins> {
  return loadPlugins(config, { pluginDir: root, context, defaults, ...options });
}

async function failure(promise: Promise<unknown>): Promise<{ kind: string; code: string; message: string }> {
  const error: unknown = await promise.then(() => undefined, (e: unknown) => e);
  if (!isGantryError(error)) throw new Error('expected a GantryError', { cause: error });
  return { kind: error.kind, code: error.code, message: error.message };
}

describe('what is found', () => {
  it('opens a package of the plugin folder with its options and its own context', async () => {
    await install('@acme/net-x', source(['network'], 'net-x'));
    const { networks } = await load({ networks: [{ use: '@acme/net-x', options: { mtu: 9000 } }] });
    expect(networks.map((n) => [n.kind, n.name, n.package, n.named])).toEqual([['network', 'net-x', '@acme/net-x', true]]);
    expect(await networks[0]?.open()).toEqual({ opened: 'network/net-x', options: { mtu: 9000 }, stateDir: join(root, 'net-x') });
  });

  it('prefers the plugin folder to the composition root, and asks the root for the rest', async () => {
    const other = join(root, 'other');
    await install('both', source(['storage'], 'from-folder'));
    const rooted = await install('both', source(['storage'], 'from-root'), {}, other);
    const resolveFrom = (name: string): string => {
      if (name === 'both' || name === 'rooted') return new URL(`file://${rooted}/main.js`).href;
      throw Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' });
    };
    expect((await load({ storage: 'both' }, { resolveFrom })).storage.name).toBe('from-folder');
    expect((await load({ storage: 'rooted' }, { resolveFrom })).storage.name).toBe('from-root');
    expect(await failure(load({ storage: 'nowhere' }, { resolveFrom }))).toMatchObject({ kind: 'notFound', code: 'plugin-not-installed' });
  });

  it('takes an absolute path and every way to name a main module', async () => {
    const folder = await install('x', source(['volume'], 'x'), { main: 'main.js' });
    expect((await load({ volumes: [folder] })).volumes.map((v) => v.name)).toEqual(['x']);
    for (const exports of [{ '.': './main.js' }, { require: './no.cjs', import: './main.js' }, { '.': { types: './x.d.ts', node: { default: './main.js' } } }, [{ worker: './no.js' }, './main.js']]) {
      await install('y', source(['log'], 'y'), { exports });
      expect((await load({ logs: ['y'] })).logs.map((v) => v.name)).toEqual(['y']);
    }
  });

  it('never looks in the working directory, its parents, or NODE_PATH', async () => {
    await install('planted', source(['storage'], 'planted'));
    const inner = join(root, 'a', 'b');
    await mkdir(inner, { recursive: true });
    const before = process.env['NODE_PATH'];
    process.env['NODE_PATH'] = join(root, 'node_modules');
    try {
      expect(await failure(load({ storage: 'planted' }, { pluginDir: inner }))).toMatchObject({ code: 'plugin-not-installed' });
    } finally {
      if (before === undefined) delete process.env['NODE_PATH'];
      else process.env['NODE_PATH'] = before;
    }
  });

  it.each(['./x', '../x', 'x/../../y', 'x/sub', 'file:///x', 'data:text/javascript,1', 'node:fs', '.hidden', 'UPPER'])('refuses %s as a name', async (use) => {
    expect(await failure(load({ storage: use }))).toMatchObject({ kind: 'invalid', code: 'plugin-config' });
  });

  it('refuses a package that others may write to', async () => {
    const folder = await install('open', source(['storage'], 'open'));
    await chmod(folder, 0o777);
    expect(await failure(load({ storage: 'open' }))).toMatchObject({ kind: 'forbidden', code: 'plugin-not-trusted' });
    await chmod(folder, 0o755);
    await chmod(join(root, 'node_modules'), 0o775);
    expect((await failure(load({ storage: 'open' }))).message).toContain('node_modules is writable for others');
  });
});

describe('what is refused', () => {
  it('a plugin of another API version, before anything else of it is looked at', async () => {
    await install('newer', 'export default { apiVersion: 2 };');
    const e = await failure(load({ storage: 'newer' }));
    expect(e).toMatchObject({ kind: 'invalid', code: 'plugin-api-version' });
    expect(e.message).toBe('plugin newer was written for version 2 of the driver API, and this Gantry has version 1: install a release of the plugin that fits, or update Gantry');
  });

  it.each([
    ['throw new Error("kaputt");', 'could not be loaded: kaputt'],
    ['export const x = 1;', 'its default export is missing'],
    ['export default [];', 'its default export is missing'],
    ['export default 7;', 'is no plugin, nor a list'],
    ['export default { apiVersion: 1, kind: "toaster" };', 'its kind is "toaster", not one of storage, network'],
    ['export default { apiVersion: 1, kind: "storage", name: "../x" };', 'its name is "../x"'],
    ['export default { apiVersion: 1, kind: "storage", name: "x", optionsSchema: {} };', 'it has no probe()'],
    ['export default 1 +;', 'could not be loaded'],
    [source(['storage', 'storage'], 'x'), 'two plugins of kind storage'],
  ])('a broken one: %s', async (code, message) => {
    await install('broken', code);
    const e = await failure(load({ storage: 'broken' }));
    expect(e).toMatchObject({ kind: 'invalid', code: 'plugin-broken' });
    expect(e.message).toContain(message);
  });

  it('a package without that kind of driver', async () => {
    await install('nets', source(['network', 'volume'], 'nets'));
    const e = await failure(load({ storage: 'nets' }));
    expect(e).toMatchObject({ code: 'plugin-kind-missing', message: 'storage: plugin nets has no storage driver, only network, volume' });
  });

  it('options against the schema, naming each wrong one', async () => {
    await install('net', source(['network'], 'net'));
    const e = await failure(load({ networks: [{ use: 'net', options: { mtu: 12, list: ['a', 3], nope: true } }] }));
    expect(e).toMatchObject({ kind: 'invalid', code: 'plugin-options' });
    expect(e.message).toContain('networks[0].options.mtu: 12 is less than 68');
    expect(e.message).toContain('networks[0].options.list[1]: ');
    expect(e.message).toContain('networks[0].options.nope: there is no such option');
    expect(e.message).not.toContain('networks[0].options:');
  });

  it.each<[unknown, string]>([
    [null, 'the drivers configuration: must be an object'],
    [{ storage: 7 }, 'storage: must be an object'],
    [{ storage: { options: {} } }, 'storage.use: must name a package'],
    [{ storage: { use: 'x', option: {} } }, 'storage.option: is not known here'],
    [{ networks: 'x' }, 'networks: must be a list'],
    [{ networks: [{ use: 'x', options: [] }] }, 'networks[0].options: must be an object'],
    [{ runtimes: { default: 'a', b: 'x' } }, 'runtimes.default: "a" is not among the configured runtimes (b)'],
    [{ runtimes: { a: 'x', b: 'x' } }, 'runtimes.default: says which of the runtimes'],
    [{ runtimes: { '../a': 'x' } }, 'runtimes: "../a" is no name for a runtime'],
  ])('a configuration of another shape: %j', async (config, message) => {
    const e = await failure(load(config as DriversConfig));
    expect(e).toMatchObject({ kind: 'invalid', code: 'plugin-config' });
    expect(e.message).toContain(message);
  });

  it('two drivers of one name', async () => {
    await install('one', source(['network'], 'same'));
    await install('two', source(['network'], 'same'));
    expect(await failure(load({ networks: ['one', 'two'] }))).toMatchObject({ kind: 'conflict', code: 'plugin-name-taken' });
  });
});

describe('probes', () => {
  it('a named driver that fails is fatal, with the reason', async () => {
    const e = await failure(load({ storage: builtIn('storage', 'erofs', 'kernel 5.4 is too old: 6.13 or later is needed') }));
    expect(e).toEqual({ kind: 'unavailable', code: 'plugin-probe-failed', message: 'the storage driver erofs cannot work here: kernel 5.4 is too old: 6.13 or later is needed' });
  });

  it('a default that fails falls through, with the reason kept', async () => {
    const storage = [builtIn('storage', 'overlay', 'not root'), builtIn('storage', 'vfs'), builtIn('storage', 'never-asked', 'x')];
    const loaded = await load({}, { defaults: { ...defaults, storage } });
    expect(loaded.storage.name).toBe('vfs');
    expect(loaded.skipped).toEqual([{ kind: 'storage', name: 'overlay', package: undefined, reason: 'not root' }]);
  });

  it('says all reasons when none can work', async () => {
    const storage = [builtIn('storage', 'overlay', 'not root'), builtIn('storage', 'vfs', 'disk is read-only')];
    expect(await failure(load({}, { defaults: { ...defaults, storage } }))).toMatchObject({ kind: 'unavailable', code: 'no-driver', message: 'no storage driver can work here: overlay: not root; vfs: disk is read-only' });
  });

  it('prior state wins over a better default, and is fatal if it cannot work any more', async () => {
    const storage = [builtIn('storage', 'overlay'), builtIn('storage', 'vfs'), builtIn('storage', 'old', 'gone')];
    const with_ = (name: string): Promise<unknown> => load({}, { defaults: { ...defaults, storage }, recorded: { storage: name } }).then((l) => l.storage.name);
    expect(await with_('vfs')).toBe('vfs');
    expect(await failure(with_('old'))).toMatchObject({ code: 'plugin-probe-failed' });
    expect(await failure(with_('zfs'))).toMatchObject({ code: 'plugin-not-installed' });
  });

  it('one that throws has failed', async () => {
    await install('thrower', source(['storage'], 'thrower', 'probe: async () => { throw new Error("boom"); }'));
    expect((await failure(load({ storage: 'thrower' }))).message).toContain('its probe failed: boom');
  });

  it('checks the options of all before it probes one', async () => {
    let probed = false;
    const storage = { ...builtIn('storage', 'x'), probe: async () => ({ ok: (probed = true) }) as const };
    await install('net', source(['network'], 'net'));
    expect(await failure(load({ storage, networks: [{ use: 'net', options: { nope: 1 } }] }))).toMatchObject({ code: 'plugin-options' });
    expect(probed).toBe(false);
  });
});

describe('runtimes and hosts', () => {
  it('names runtimes as configured, each with its own options, and takes the host of the default one', async () => {
    await install('rt', source(['runtime', 'host'], 'rt'));
    const loaded = await load({ runtimes: { default: 'big', big: { use: 'rt', options: { mtu: 100 } }, small: { use: 'rt', options: { mtu: 70 } } } });
    expect([...loaded.runtimes.keys(), loaded.defaultRuntime]).toEqual(['big', 'small', 'big']);
    expect(await loaded.runtimes.get('small')?.open()).toEqual({ opened: 'runtime/rt', options: { mtu: 70 }, stateDir: join(root, 'small') });
    expect(await loaded.host.open()).toMatchObject({ opened: 'host/rt' });
  });

  it('uses the host that is named, else the default one', async () => {
    await install('hosts', source(['host'], 'hosts'));
    expect((await load({ host: 'hosts' })).host.package).toBe('hosts');
    expect((await load({ runtimes: { only: builtIn('runtime', 'only') } }, { defaults: { ...defaults, host: [builtIn('host', 'spare')] } })).host.name).toBe('spare');
    expect(await failure(load({ runtimes: { only: builtIn('runtime', 'only') } }))).toMatchObject({ code: 'no-driver', message: 'no host driver can work here: none is configured' });
  });

  it('falls through to the next default runtime', async () => {
    const runtimes = { linux: builtIn('runtime', 'linux', 'no cgroups'), crun: [builtIn('runtime', 'oci'), builtIn('host', 'local')] };
    const loaded = await load({}, { defaults: { ...defaults, runtimes } });
    expect([loaded.defaultRuntime, loaded.runtimes.size, loaded.host.name]).toEqual(['crun', 1, 'local']);
  });
});

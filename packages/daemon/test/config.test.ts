import { isGantryError } from '@gantry/errors';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { proxiesFromEnvironment, withoutSecret } from '../src/config/proxies.ts';
import { defaults, parseConfigFile, readConfigFile, resolveConfig } from '../src/index.ts';

const failure = async (run: () => unknown): Promise<{ code: string; message: string }> => {
  try {
    await run();
  } catch (error) {
    if (isGantryError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('it was accepted');
};

describe('a file', () => {
  test('with all keys', () => {
    const settings = parseConfigFile('f', JSON.stringify({
      hosts: ['unix:///a'], 'data-root': '/d', 'exec-root': '/e', pidfile: '/p', group: 'g', debug: true, 'log-level': 'error', 'log-format': 'json',
      proxies: { 'http-proxy': 'http://p', 'no-proxy': 'a,b' }, 'registry-mirrors': ['https://m'], 'insecure-registries': ['r:1'], 'log-driver': 'none', 'plugin-dir': '/x',
      storage: { use: '@gantry/storage-vfs' }, runtimes: { linux: '@gantry/runtime-linux' }, networks: [], logs: [], volumes: [], host: '@a/b',
    }));
    expect(settings).toEqual({
      hosts: ['unix:///a'], dataRoot: '/d', execRoot: '/e', pidfile: '/p', group: 'g', debug: true, logLevel: 'error', logFormat: 'json',
      registryMirrors: ['https://m'], insecureRegistries: ['r:1'], proxies: { http: 'http://p', except: 'a,b' }, logDriver: 'none', pluginDir: '/x',
      drivers: { storage: { use: '@gantry/storage-vfs' }, runtimes: { linux: '@gantry/runtime-linux' }, networks: [], logs: [], volumes: [], host: '@a/b' },
    });
  });

  test.each<[string, string]>([
    ['{', 'f is no JSON: '],
    ['[]', 'f: the file: expected an object'],
    ['{"debug":"yes"}', 'f: "debug": expected true or false, got "yes"'],
    ['{"data-root":"d"}', 'f: "data-root": expected an absolute path, got "d"'],
    ['{"data-root":1}', 'f: "data-root": expected a string, got 1'],
    ['{"hosts":"unix:///a"}', 'f: "hosts": expected a list, got "unix:///a"'],
    ['{"hosts":[]}', 'f: "hosts": expected at least one'],
    ['{"hosts":["unix:///a","tcp://0.0.0.0:2375"]}', 'f: "hosts"[1]: this version does not listen on TCP'],
    ['{"registry-mirrors":["m"]}', 'f: "registry-mirrors"[0]: expected http:// or https:// and a host'],
    ['{"insecure-registries":[1]}', 'f: "insecure-registries"[0]: expected a string, got 1'],
    ['{"proxies":[]}', 'f: "proxies": expected an object'],
    ['{"proxies":{"http":"x"}}', 'f: "proxies": there is no "http" in it, only http-proxy, https-proxy, no-proxy'],
    ['{"proxies":{"http-proxy":"p:80 x"}}', 'f: "proxies": expected http:// or https:// for http-proxy'],
    ['{"log-level":"x"}', 'f: "log-level": expected debug, info, warn or error'],
    ['{"data_root":"/d"}', 'there is no such setting: did you mean "data-root"?'],
    ['{"registry-mirror":[]}', 'there is no such setting: did you mean "registry-mirrors"?'],
    ['{"live-restore":true}', 'f: "live-restore": there is no such setting: containers always go on'],
    ['{"graph":"/d"}', 'it is called "data-root"'],
    ['{"bip":"10.0.0.1/24"}', 'f: "bip": there is no such setting: known keys: data-root, debug, exec-root, '],
    ['{"__proto__":{"debug":true}}', 'there is no such setting'],
    ['{"constructor":1}', 'there is no such setting'],
  ])('%s is refused', async (content, message) => {
    const seen = await failure(() => parseConfigFile('f', content));
    expect(seen.code).toBe('bad-config');
    expect(seen.message).toContain(message);
  });
});

describe('on disk', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'gantry-test-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('one that was asked for must be there, the default one need not', async () => {
    expect(await readConfigFile(join(folder, 'no.json'), false)).toEqual({});
    expect((await failure(() => readConfigFile(join(folder, 'no.json'), true))).code).toBe('no-config-file');
  });

  test('is read', async () => {
    const file = join(folder, 'ok.json');
    writeFileSync(file, '{"debug":true}', { mode: 0o600 });
    expect(await readConfigFile(file, true)).toEqual({ debug: true });
  });

  test('that anybody may write is refused: it says which code is loaded', async () => {
    const file = join(folder, 'open.json');
    writeFileSync(file, '{}');
    chmodSync(file, 0o666);
    expect((await failure(() => readConfigFile(file, true))).code).toBe('config-file-not-trusted');
  });

  test('of more than a megabyte is refused', async () => {
    const file = join(folder, 'big.json');
    writeFileSync(file, `{"group":"${'x'.repeat(1024 * 1024)}"}`, { mode: 0o600 });
    expect((await failure(() => readConfigFile(file, true))).message).toContain('larger than');
  });
});

describe('flags win over the file', () => {
  test('key by key', () => {
    const config = resolveConfig({ dataRoot: '/flag', registryMirrors: ['https://flag'] }, { dataRoot: '/file', execRoot: '/file-e', registryMirrors: ['https://file'], group: 'g' });
    expect(config).toMatchObject({ dataRoot: '/flag', execRoot: '/file-e', registryMirrors: ['https://flag'], group: 'g', hosts: [defaults.host], logLevel: 'info' });
  });

  test('nothing said', () => {
    expect(resolveConfig({}, {})).toEqual({
      hosts: ['unix:///run/gantry/gantry.sock'], dataRoot: '/var/lib/gantry', execRoot: '/run/gantry', pidfile: undefined, group: undefined, logLevel: 'info',
      logFormat: 'text', registryMirrors: [], insecureRegistries: [], proxies: {}, logDriver: undefined, drivers: {}, pluginDir: defaults.pluginDir,
    });
  });

  test.each([
    [{ debug: true }, {}, 'debug'],
    [{ debug: true }, { logLevel: 'error' }, 'debug'],
    [{ logLevel: 'warn' }, { debug: true }, 'warn'],
    [{ debug: false }, { debug: true }, 'info'],
    [{}, { debug: true }, 'debug'],
    [{}, { logLevel: 'error' }, 'error'],
  ] as const)('level of %j over %j is %s', (flags, file, level) => {
    expect(resolveConfig(flags, file).logLevel).toBe(level);
  });

  test('proxies: the file wins over the environment, part by part', () => {
    const environment = proxiesFromEnvironment({ HTTP_PROXY: 'http://env', https_proxy: 'http://small', NO_PROXY: '', no_proxy: 'x' });
    expect(environment).toEqual({ http: 'http://env', https: 'http://small', except: 'x' });
    expect(resolveConfig({}, { proxies: { http: 'http://file' } }, environment).proxies).toEqual({ http: 'http://file', https: 'http://small', except: 'x' });
  });

  test.each([
    [undefined, ''],
    ['http://p:3128', 'http://p:3128'],
    ['http://me:secret@p:3128/', 'http://xxxxx:xxxxx@p:3128/'],
  ])('proxy %s is shown as %s', (url, shown) => {
    expect(withoutSecret(url)).toBe(shown);
  });

  test.each([
    ['overlay2', '@gantry/storage-overlay'],
    ['overlay', '@gantry/storage-overlay'],
    ['vfs', '@gantry/storage-vfs'],
    ['@acme/storage-x', '@acme/storage-x'],
  ])('storage driver %s is %s', (name, storage) => {
    expect(resolveConfig({ storageDriver: name }, { drivers: { storage: '@gantry/other' } }).drivers.storage).toBe(storage);
    expect(resolveConfig({}, { storageDriver: name }).drivers.storage).toBe(storage);
  });

  test('a file that says the storage driver twice is refused', async () => {
    expect((await failure(() => resolveConfig({}, { storageDriver: 'vfs', drivers: { storage: 'x' } }))).message).toContain('"storage-driver" and "storage"');
  });
});

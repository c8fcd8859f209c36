import { open } from 'node:fs/promises';
import type { DriversConfig } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { Settings } from './config.ts';
import { parseProxies } from './proxies.ts';
import { absolutePath, host, logFormat, logLevel, mirror, registryHost, text, type Check } from './values.ts';

const maxBytes = 1024 * 1024;

function bad(file: string, key: string, why: string): GantryError {
  return new GantryError('invalid', 'bad-config', `${file}: ${key}: ${why}`, { details: { file, key } });
}

type Reader = (value: unknown, fail: (why: string, at?: string) => GantryError) => Settings;

const single = <K extends keyof Settings>(name: K, check: Check<NonNullable<Settings[K]>>): Reader => (value, fail) => {
  if (typeof value !== 'string') throw fail(`expected a string, got ${JSON.stringify(value)}`);
  const result = check(value);
  if ('wrong' in result) throw fail(result.wrong);
  return { [name]: result.value };
};

const several = (name: 'hosts' | 'registryMirrors' | 'insecureRegistries', check: Check<string>): Reader => (value, fail) => {
  if (!Array.isArray(value)) throw fail(`expected a list, got ${JSON.stringify(value)}`);
  const list = value.map((item: unknown, i) => {
    const result = typeof item === 'string' ? check(item) : { wrong: `expected a string, got ${JSON.stringify(item)}` };
    if ('wrong' in result) throw fail(result.wrong, `[${i}]`);
    return result.value;
  });
  if (name === 'hosts' && list.length === 0) throw fail('expected at least one');
  return { [name]: list };
};

const flag: Reader = (value, fail) => {
  if (typeof value !== 'boolean') throw fail(`expected true or false, got ${JSON.stringify(value)}`);
  return { debug: value };
};

/** The drivers' part has a form of its own, which the loader of plugins checks. */
const driverKeys = ['storage', 'networks', 'volumes', 'logs', 'runtimes', 'host'] as const satisfies readonly (keyof DriversConfig)[];

/** Docker's keys where they apply, and ours. */
const readers: Readonly<Record<string, Reader>> = {
  hosts: several('hosts', host),
  'data-root': single('dataRoot', absolutePath),
  'exec-root': single('execRoot', absolutePath),
  pidfile: single('pidfile', absolutePath),
  group: single('group', text),
  debug: flag,
  'log-level': single('logLevel', logLevel),
  'log-format': single('logFormat', logFormat),
  'registry-mirrors': several('registryMirrors', mirror),
  'insecure-registries': several('insecureRegistries', registryHost),
  proxies: (value, fail) => ({ proxies: parseProxies(value, fail) }),
  'storage-driver': single('storageDriver', text),
  'log-driver': single('logDriver', text),
  'plugin-dir': single('pluginDir', absolutePath),
};

/** Keys of Docker's file that mean nothing here, and what to do about each. */
const hints: Readonly<Record<string, string>> = {
  graph: 'it is called "data-root"',
  'live-restore': 'containers always go on while the daemon is away; remove the key',
  'default-runtime': 'say it inside of "runtimes": { "default": "linux", ... }',
  'exec-opts': 'the cgroup driver is found out; remove the key',
  iptables: 'Gantry does not use iptables; remove the key',
  'userland-proxy': 'there is none; remove the key',
  containerd: 'Gantry runs without containerd; remove the key',
  'log-opts': 'give the options to the driver: "logs": [{ "use": "@gantry/log-file", "options": { "maxSize": "10m" } }]',
  'storage-opts': 'give the options to the driver: "storage": { "use": "@gantry/storage-overlay", "options": {} }',
  tls: 'this version does not listen on TCP', tlsverify: 'this version does not listen on TCP', tlscacert: 'this version does not listen on TCP',
  tlscert: 'this version does not listen on TCP', tlskey: 'this version does not listen on TCP',
};

/** Small typing mistakes: the known key that differs in the fewest letters, if in few. */
function nearest(key: string): string | undefined {
  const [best] = Object.keys(readers).concat(driverKeys)
    .map((known) => ({ known, distance: distance(key.toLowerCase().replaceAll('_', '-'), known) }))
    .sort((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= 2 ? best.known : undefined;
}

/** Levenshtein's, of short texts. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function unknownKey(file: string, key: string): GantryError {
  const near = nearest(key);
  const hint = hints[key] ?? (near === undefined ? `known keys: ${[...Object.keys(readers), ...driverKeys].sort().join(', ')}` : `did you mean "${near}"?`);
  return bad(file, JSON.stringify(key.slice(0, 64)), `there is no such setting: ${hint}`);
}

/**
 * The settings of a configuration file.
 * @throws GantryError invalid `bad-config`, naming the key.
 */
export function parseConfigFile(file: string, content: string): Settings {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw new GantryError('invalid', 'bad-config', `${file} is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause, details: { file } });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(file, 'the file', 'expected an object');
  let settings: Settings = {};
  for (const [key, member] of Object.entries(value)) {
    const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (reader !== undefined) settings = { ...settings, ...reader(member, (why, at = '') => bad(file, `${JSON.stringify(key)}${at}`, why)) };
    else if (driverKeys.some((known) => known === key)) settings = { ...settings, drivers: { ...settings.drivers, [key]: member as unknown } };
    else throw unknownKey(file, key);
  }
  return settings;
}

/**
 * Reads a configuration file. One that was not asked for may be missing.
 * @throws GantryError invalid `bad-config`; notFound `no-config-file`; forbidden `config-file-not-trusted`: whoever can
 *   write it chooses what code the daemon loads.
 */
export async function readConfigFile(file: string, asked: boolean): Promise<Settings> {
  let handle;
  try {
    handle = await open(file, 'r');
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (missing && !asked) return {};
    throw new GantryError(missing ? 'notFound' : 'invalid', missing ? 'no-config-file' : 'bad-config', `cannot read the configuration file ${file}`, { cause, details: { file } });
  }
  try {
    const { uid, mode, size } = await handle.stat();
    if ((uid !== 0 && uid !== process.geteuid?.()) || (mode & 0o002) !== 0) {
      throw new GantryError('forbidden', 'config-file-not-trusted', `${file} must belong to root and not be writable for everybody: chown root ${file}; chmod go-w ${file}`, { details: { file } });
    }
    if (size > maxBytes) throw bad(file, 'the file', `it is larger than ${maxBytes} bytes`);
    return parseConfigFile(file, await handle.readFile('utf8'));
  } finally {
    await handle.close();
  }
}

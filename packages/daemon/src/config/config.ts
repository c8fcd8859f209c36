import type { DriversConfig } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { Proxies } from './proxies.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'text' | 'json';

/** Everything that a daemon is told. Complete: defaults are filled in. */
export interface DaemonConfig {
  /** Where it listens; at least one. */
  readonly hosts: readonly string[];
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile: string | undefined;
  /** Owner of the sockets, besides root. Undefined: `gantry`, if there is such a group. */
  readonly group: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly registryMirrors: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly proxies: Proxies;
  /** Log driver of containers that name none. */
  readonly logDriver: string | undefined;
  readonly drivers: DriversConfig;
  /** Absolute; its `node_modules` has plugins. */
  readonly pluginDir: string;
}

/** What flags or a file say; absent is not said. */
export interface Settings {
  readonly hosts?: readonly string[];
  readonly dataRoot?: string;
  readonly execRoot?: string;
  readonly pidfile?: string;
  readonly group?: string;
  readonly debug?: boolean;
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
  readonly registryMirrors?: readonly string[];
  readonly insecureRegistries?: readonly string[];
  readonly proxies?: Proxies;
  readonly storageDriver?: string;
  readonly logDriver?: string;
  readonly pluginDir?: string;
  readonly drivers?: DriversConfig;
}

export const defaults: { readonly host: string; readonly dataRoot: string; readonly execRoot: string; readonly configFile: string; readonly pluginDir: string } = {
  host: 'unix:///run/gantry/gantry.sock',
  dataRoot: '/var/lib/gantry',
  execRoot: '/run/gantry',
  configFile: '/etc/gantry/daemon.json',
  pluginDir: '/usr/local/lib/gantry/plugins',
};

/** Docker's names for what these packages do. */
const storagePackages: Readonly<Record<string, string>> = {
  overlay: '@gantry/storage-overlay',
  overlay2: '@gantry/storage-overlay',
  vfs: '@gantry/storage-vfs',
};

function storage(flags: Settings, file: Settings): Pick<DriversConfig, 'storage'> {
  const name = flags.storageDriver ?? file.storageDriver;
  if (name === undefined) return file.drivers?.storage === undefined ? {} : { storage: file.drivers.storage };
  if (flags.storageDriver === undefined && file.drivers?.storage !== undefined) {
    throw new GantryError('invalid', 'bad-config', 'the keys "storage-driver" and "storage" say the same thing: keep one of them', { details: { key: 'storage-driver' } });
  }
  return { storage: storagePackages[name] ?? name };
}

/** Flags win over the file, key by key; what neither says takes its default. The file wins over the environment. */
export function resolveConfig(flags: Settings, file: Settings, environment: Proxies = {}): DaemonConfig {
  const debug = flags.debug ?? (flags.logLevel === undefined ? file.debug : undefined) ?? false;
  return {
    hosts: flags.hosts ?? file.hosts ?? [defaults.host],
    dataRoot: flags.dataRoot ?? file.dataRoot ?? defaults.dataRoot,
    execRoot: flags.execRoot ?? file.execRoot ?? defaults.execRoot,
    pidfile: flags.pidfile ?? file.pidfile,
    group: flags.group ?? file.group,
    logLevel: debug ? 'debug' : (flags.logLevel ?? file.logLevel ?? 'info'),
    logFormat: flags.logFormat ?? file.logFormat ?? 'text',
    registryMirrors: flags.registryMirrors ?? file.registryMirrors ?? [],
    insecureRegistries: flags.insecureRegistries ?? file.insecureRegistries ?? [],
    proxies: { ...environment, ...file.proxies },
    logDriver: flags.logDriver ?? file.logDriver,
    drivers: { ...file.drivers, ...storage(flags, file) },
    pluginDir: flags.pluginDir ?? file.pluginDir ?? defaults.pluginDir,
  };
}

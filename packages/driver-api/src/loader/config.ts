import { GantryError } from '@gantry/errors';
import type { PluginModule } from '../plugin.ts';

/** A driver by its package's name, by the absolute path of its package's folder, or as what its package exports by default. */
export type PluginSource = string | PluginModule;

/** A driver and its options. */
export type PluginUse = PluginSource | { readonly use: PluginSource; readonly options?: Readonly<Record<string, unknown>> };

/**
 * Which drivers to use: the `storage`, `networks`, `runtimes`, ... part of the daemon's configuration. What is absent is
 * taken from the composition root's defaults.
 *
 * @example
 * { "storage": { "use": "@gantry/storage-overlay", "options": {} },
 *   "networks": ["@gantry/net-bridge", { "use": "@acme/net-x", "options": { "mtu": 9000 } }],
 *   "runtimes": { "default": "linux", "linux": "@gantry/runtime-linux" } }
 */
export interface DriversConfig {
  readonly storage?: PluginUse;
  readonly networks?: readonly PluginUse[];
  readonly volumes?: readonly PluginUse[];
  readonly logs?: readonly PluginUse[];
  /** By the name that a container asks for; `default` says which one it gets otherwise, and may stay away if there is only one. */
  readonly runtimes?: { readonly default?: string } & Readonly<Record<string, PluginUse>>;
  /** Absent: what the default runtime's package brings along. */
  readonly host?: PluginUse;
}

/** One use, with the place in the configuration that errors name. */
export interface Use {
  readonly where: string;
  readonly source: PluginSource;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The configuration, checked; `undefined` where it says nothing. */
export interface Uses {
  readonly storage: Use | undefined;
  readonly networks: readonly Use[] | undefined;
  readonly volumes: readonly Use[] | undefined;
  readonly logs: readonly Use[] | undefined;
  readonly runtimes: ReadonlyMap<string, Use> | undefined;
  readonly defaultRuntime: string | undefined;
  readonly host: Use | undefined;
}

const runtimeName = /^[a-z0-9][a-z0-9._-]{0,63}$/i;

/** Checks the shape only, since it comes from a file. @throws GantryError invalid `plugin-config`, which names the place. */
export function parseConfig(config: unknown): Uses {
  const root = record(config, 'the drivers configuration');
  const runtimes = root['runtimes'] === undefined ? undefined : parseRuntimes(record(root['runtimes'], 'runtimes'));
  return {
    storage: one(root, 'storage'),
    networks: many(root, 'networks'),
    volumes: many(root, 'volumes'),
    logs: many(root, 'logs'),
    runtimes: runtimes?.uses,
    defaultRuntime: runtimes?.preferred,
    host: one(root, 'host'),
  };
}

function parseRuntimes(value: Readonly<Record<string, unknown>>): { uses: Map<string, Use>; preferred: string } {
  const uses = new Map<string, Use>();
  for (const [name, use] of Object.entries(value)) {
    if (name === 'default') continue;
    if (!runtimeName.test(name)) throw bad('runtimes', `${JSON.stringify(name)} is no name for a runtime: use letters, digits, ".", "_" and "-"`);
    uses.set(name, parseUse(use, `runtimes.${name}`));
  }
  const [only, second] = uses.keys();
  const preferred = value['default'] ?? (second === undefined ? only : undefined);
  if (preferred === undefined) throw bad('runtimes.default', 'says which of the runtimes a container gets: name one of them');
  if (typeof preferred !== 'string' || !uses.has(preferred)) {
    throw bad('runtimes.default', `${JSON.stringify(preferred)} is not among the configured runtimes (${[...uses.keys()].join(', ')})`);
  }
  return { uses, preferred };
}

function one(root: Readonly<Record<string, unknown>>, key: string): Use | undefined {
  return root[key] === undefined ? undefined : parseUse(root[key], key);
}

function many(root: Readonly<Record<string, unknown>>, key: string): readonly Use[] | undefined {
  const value = root[key];
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw bad(key, 'must be a list');
  return value.map((use: unknown, i) => parseUse(use, `${key}[${i}]`));
}

/** @throws GantryError invalid `plugin-config` */
export function parseUse(value: unknown, where: string): Use {
  if (isSource(value)) return { where, source: value, options: {} };
  const use = record(value, where);
  const unknown = Object.keys(use).find((key) => key !== 'use' && key !== 'options');
  if (unknown !== undefined) throw bad(`${where}.${unknown}`, 'is not known here: a driver is { "use": ..., "options": {...} }');
  if (!isSource(use['use'])) throw bad(`${where}.use`, 'must name a package');
  return { where, source: use['use'], options: use['options'] === undefined ? {} : record(use['options'], `${where}.options`) };
}

/** Whether a plugin is well-formed is found out when it is loaded; here it only has to be told from `{ use }`. */
function isSource(value: unknown): value is PluginSource {
  if (typeof value === 'string') return value !== '';
  return Array.isArray(value) || (typeof value === 'object' && value !== null && 'apiVersion' in value);
}

function record(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(where, 'must be an object');
  return Object.fromEntries(Object.entries(value));
}

function bad(where: string, what: string): GantryError {
  return new GantryError('invalid', 'plugin-config', `${where}: ${what}`, { details: { where } });
}

import { GantryError } from '@gantry/errors';
import type { DriverContext } from '../common.ts';
import type { Kinds, Plugin } from '../plugin.ts';
import { checkModule } from './check-plugin.ts';
import { checkOptions } from './check-options.ts';
import { parseConfig, parseUse, type DriversConfig, type PluginUse, type Use } from './config.ts';
import { probe } from './probe.ts';
import { resolvePlugin, type ResolveOptions } from './resolve.ts';

/** What is used where the configuration says nothing. */
export interface DriverDefaults {
  /** The first that can work here. */
  readonly storage?: readonly PluginUse[];
  /** Those that can work here; so for the lists below. */
  readonly networks?: readonly PluginUse[];
  readonly volumes?: readonly PluginUse[];
  readonly logs?: readonly PluginUse[];
  /** By name. The first that can work here is the default one. */
  readonly runtimes?: Readonly<Record<string, PluginUse>>;
  /** The first that can work here, if the default runtime's package brings none along. */
  readonly host?: readonly PluginUse[];
}

/** How to load. */
export interface LoadOptions extends ResolveOptions {
  readonly defaults?: DriverDefaults;
  /** Prior state wins over a better default: the name of the storage driver that the data root was made with. */
  readonly recorded?: { readonly storage?: string | undefined };
  /** What the driver is probed and opened with. `name` is the plugin's name; a runtime's is the configured one. */
  context(kind: keyof Kinds, name: string): DriverContext | Promise<DriverContext>;
}

/** A driver that can work here, with its options checked. */
export interface LoadedPlugin<K extends keyof Kinds> {
  readonly kind: K;
  /** The plugin's name; a runtime's is the configured one. */
  readonly name: string;
  /** The name or path of its package; `undefined` if it was given as an object. */
  readonly package: string | undefined;
  /** The configuration asked for it. */
  readonly named: boolean;
  /** Opens the driver with the options and the context that it was probed with. */
  open(): Promise<Kinds[K]>;
}

/** A default that cannot work here, and why. */
export interface SkippedPlugin {
  readonly kind: keyof Kinds;
  readonly name: string;
  readonly package: string | undefined;
  readonly reason: string;
}

/** All drivers of an engine. */
export interface LoadedPlugins {
  readonly storage: LoadedPlugin<'storage'>;
  readonly networks: readonly LoadedPlugin<'network'>[];
  readonly volumes: readonly LoadedPlugin<'volume'>[];
  readonly logs: readonly LoadedPlugin<'log'>[];
  readonly runtimes: ReadonlyMap<string, LoadedPlugin<'runtime'>>;
  /** A key of `runtimes`. */
  readonly defaultRuntime: string;
  readonly host: LoadedPlugin<'host'>;
  /** For `gantry plugins` and `gantry info`. */
  readonly skipped: readonly SkippedPlugin[];
}

/**
 * Loads, checks and probes the drivers that the configuration names, and nothing else. A driver that is named but cannot
 * work here is an error with the reason; a default that cannot is skipped with the reason. No driver is opened.
 *
 * @throws GantryError invalid `plugin-config`, `plugin-options`, `plugin-api-version`, `plugin-broken`,
 *   `plugin-kind-missing`. notFound `plugin-not-installed`. forbidden `plugin-not-trusted`. conflict `plugin-name-taken`.
 *   unavailable `plugin-probe-failed`, `no-driver`.
 */
export async function loadPlugins(config: DriversConfig, options: LoadOptions): Promise<LoadedPlugins> {
  const uses = parseConfig(config);
  const { defaults = {} } = options;
  const loader = new Loader(options);
  // All named ones are loaded and their options checked before the first probe, which has effects.
  const named = {
    storage: await loader.each('storage', uses.storage && [uses.storage]),
    networks: await loader.each('network', uses.networks),
    volumes: await loader.each('volume', uses.volumes),
    logs: await loader.each('log', uses.logs),
    runtimes: await loader.each('runtime', uses.runtimes && [...uses.runtimes.values()], uses.runtimes && [...uses.runtimes.keys()]),
    host: await loader.each('host', uses.host && [uses.host]),
  };
  const storage = await loader.first('storage', named.storage, defaults.storage, options.recorded?.storage);
  const networks = await loader.all('network', named.networks, defaults.networks);
  const volumes = await loader.all('volume', named.volumes, defaults.volumes);
  const logs = await loader.all('log', named.logs, defaults.logs);
  const runtimes = await loader.all('runtime', named.runtimes, Object.values(defaults.runtimes ?? {}), Object.keys(defaults.runtimes ?? {}));
  const byName = new Map(runtimes.map((r) => [r.name, r]));
  const runtime = byName.get(uses.defaultRuntime ?? runtimes[0]?.name ?? '');
  if (runtime === undefined) throw loader.none('runtime');
  const companion = runtime.siblings.some((p) => p.kind === 'host') ? [runtime.origin] : [];
  const host = await loader.first('host', named.host, [...companion, ...(defaults.host ?? [])]);
  return { storage, networks, volumes, logs, runtimes: byName, defaultRuntime: runtime.name, host, skipped: loader.skipped };
}

interface Candidate<K extends keyof Kinds> {
  readonly plugin: Plugin<K>;
  readonly name: string;
  readonly package: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
  readonly where: string;
  /** What it was loaded from, to load a sibling from the same package. */
  readonly origin: PluginUse;
  readonly siblings: readonly Plugin[];
}

interface Probed<K extends keyof Kinds> extends LoadedPlugin<K> {
  readonly origin: PluginUse;
  readonly siblings: readonly Plugin[];
}

class Loader {
  readonly skipped: SkippedPlugin[] = [];
  readonly #options: LoadOptions;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  async each<K extends keyof Kinds>(kind: K, uses: readonly Use[] | undefined, names?: readonly string[]): Promise<readonly Candidate<K>[] | undefined> {
    if (uses === undefined) return undefined;
    const out: Candidate<K>[] = [];
    for (const [i, use] of uses.entries()) {
      const next = await this.#candidate(kind, use, names?.[i]);
      const other = out.find((c) => c.name === next.name);
      if (other !== undefined) {
        throw new GantryError('conflict', 'plugin-name-taken', `${use.where}: there is a ${kind} driver named ${next.name} already, at ${other.where}: remove one of them`, { details: { where: use.where } });
      }
      out.push(next);
    }
    return out;
  }

  /** All that were named, else the defaults that can work here. */
  async all<K extends keyof Kinds>(kind: K, named: readonly Candidate<K>[] | undefined, defaults: readonly PluginUse[] = [], names?: readonly string[]): Promise<readonly Probed<K>[]> {
    const candidates = named ?? (await this.each(kind, parseDefaults(kind, defaults), names)) ?? [];
    const probed = await Promise.all(candidates.map((c) => this.#probe(kind, c, named !== undefined)));
    return probed.filter((p) => p !== undefined);
  }

  /** The one that was named, else the first default that can work here. */
  async first<K extends keyof Kinds>(kind: K, named: readonly Candidate<K>[] | undefined, defaults: readonly PluginUse[] = [], recorded?: string): Promise<Probed<K>> {
    const candidates = named ?? (await this.each(kind, parseDefaults(kind, defaults))) ?? [];
    const chosen = named === undefined && recorded !== undefined ? candidates.filter((c) => c.name === recorded) : candidates;
    if (chosen.length === 0 && recorded !== undefined) {
      throw new GantryError('notFound', 'plugin-not-installed', `the data root was made with the ${kind} driver ${recorded}, which is not among the default ones: name its package in the configuration`, { details: { plugin: recorded } });
    }
    for (const candidate of chosen) {
      const probed = await this.#probe(kind, candidate, named !== undefined || recorded !== undefined);
      if (probed !== undefined) return probed;
    }
    throw this.none(kind);
  }

  none(kind: keyof Kinds): GantryError {
    const reasons = this.skipped.filter((s) => s.kind === kind);
    const why = reasons.map((s) => `${s.name}: ${s.reason}`).join('; ') || 'none is configured';
    return new GantryError('unavailable', 'no-driver', `no ${kind} driver can work here: ${why}`, { details: { kind, reasons: reasons.map(({ name, reason }) => ({ name, reason })) } });
  }

  async #candidate<K extends keyof Kinds>(kind: K, use: Use, name?: string): Promise<Candidate<K>> {
    const source = typeof use.source === 'string' ? use.source : undefined;
    const exported = source === undefined ? use.source : await importDefault(source, use.where, this.#options);
    const siblings = checkModule(exported, source ?? `at ${use.where}`);
    const plugin = siblings.find((p): p is Plugin<K> => p.kind === kind);
    if (plugin === undefined) {
      throw new GantryError('invalid', 'plugin-kind-missing', `${use.where}: plugin ${source ?? siblings[0]?.name ?? ''} has no ${kind} driver, only ${siblings.map((p) => p.kind).join(', ')}`, { details: { where: use.where, kind } });
    }
    checkOptions(plugin, use.options, `${use.where}.options`);
    return { plugin, name: name ?? plugin.name, package: source, options: use.options, where: use.where, origin: use.source, siblings };
  }

  async #probe<K extends keyof Kinds>(kind: K, c: Candidate<K>, named: boolean): Promise<Probed<K> | undefined> {
    const context = await this.#options.context(kind, c.name);
    const result = await probe(c.plugin, context, c.options);
    if (result.ok) {
      return { kind, name: c.name, package: c.package, named, origin: c.origin, siblings: c.siblings, open: () => c.plugin.open(context, c.options) };
    }
    if (named) {
      throw new GantryError('unavailable', 'plugin-probe-failed', `the ${kind} driver ${c.name} cannot work here: ${result.reason}`, { details: { kind, plugin: c.name, reason: result.reason } });
    }
    this.skipped.push({ kind, name: c.name, package: c.package, reason: result.reason });
    return undefined;
  }
}

function parseDefaults(kind: keyof Kinds, defaults: readonly PluginUse[]): readonly Use[] {
  return defaults.map((use, i) => parseUse(use, `the default ${kind}[${i}]`));
}

async function importDefault(source: string, where: string, options: ResolveOptions): Promise<unknown> {
  const url = await resolvePlugin(source, where, options);
  try {
    const module: unknown = await import(url);
    return typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
  } catch (e) {
    throw new GantryError('invalid', 'plugin-broken', `plugin ${source} could not be loaded: ${e instanceof Error ? e.message : String(e)}`, { cause: e, details: { where, plugin: source } });
  }
}

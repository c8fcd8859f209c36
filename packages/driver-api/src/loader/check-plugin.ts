import { GantryError } from '@gantry/errors';
import { apiVersion, type Kinds, type Plugin } from '../plugin.ts';

const kinds: Readonly<Record<keyof Kinds, true>> = { storage: true, network: true, volume: true, log: true, runtime: true, host: true };
const pluginName = /^[a-z0-9][a-z0-9-]{0,31}$/;

/**
 * The plugins that a package's default export holds, checked field by field, since it is somebody else's code.
 *
 * @throws GantryError invalid `plugin-api-version`: written for other seams. invalid `plugin-broken`: says what is wrong.
 */
export function checkModule(value: unknown, source: string): readonly Plugin[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (value === undefined || list.length === 0) throw broken(source, 'its default export is missing');
  const plugins = list.map((item) => checkPlugin(item, source));
  const twice = plugins.find((p, i) => plugins.findIndex((q) => q.kind === p.kind) !== i);
  if (twice !== undefined) throw broken(source, `it exports two plugins of kind ${twice.kind}: a package has at most one of each kind`);
  return plugins;
}

function checkPlugin(value: unknown, source: string): Plugin {
  if (typeof value !== 'object' || value === null) throw broken(source, 'its default export is no plugin, nor a list of plugins');
  const version = 'apiVersion' in value ? value.apiVersion : undefined;
  // First of all: what the other fields mean depends on it.
  if (version !== apiVersion) {
    const theirs = typeof version === 'number' ? `version ${version}` : 'no version';
    throw new GantryError('invalid', 'plugin-api-version', `plugin ${source} was written for ${theirs} of the driver API, and this Gantry has version ${apiVersion}: install a release of the plugin that fits, or update Gantry`, {
      details: { plugin: source, theirs: version, ours: apiVersion },
    });
  }
  const problem = problemOf(value);
  if (problem !== undefined) throw broken(source, problem);
  return value as Plugin; // the fields were looked at one by one
}

function problemOf(value: object): string | undefined {
  const p: Partial<Record<keyof Plugin, unknown>> = value;
  if (typeof p.kind !== 'string' || !Object.hasOwn(kinds, p.kind)) return `its kind is ${JSON.stringify(p.kind)}, not one of ${Object.keys(kinds).join(', ')}`;
  if (typeof p.name !== 'string' || !pluginName.test(p.name)) return `its name is ${JSON.stringify(p.name)}; it must match ${pluginName.source}`;
  if (typeof p.optionsSchema !== 'object' || p.optionsSchema === null) return 'it has no optionsSchema';
  for (const method of ['probe', 'open'] as const) if (typeof p[method] !== 'function') return `it has no ${method}()`;
  return undefined;
}

function broken(source: string, what: string): GantryError {
  return new GantryError('invalid', 'plugin-broken', `plugin ${source} cannot be used: ${what}`, { details: { plugin: source } });
}

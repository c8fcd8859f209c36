import type { DriverContext, Kinds, Plugin } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';

/**
 * The plugin of a kind that a module exports by default.
 *
 * @throws GantryError invalid `not-a-plugin`
 */
export async function importPlugin<K extends keyof Kinds>(url: string, kind: K): Promise<Plugin<K>> {
  const module: unknown = await import(url);
  const exported = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
  const list: readonly unknown[] = Array.isArray(exported) ? exported : [exported];
  const plugin = list.find((item): item is Plugin<K> => isPlugin(item, kind));
  if (plugin === undefined) throw new GantryError('invalid', 'not-a-plugin', `${url} does not export a ${kind} plugin of API version 1 by default`);
  return plugin;
}

function isPlugin(value: unknown, kind: keyof Kinds): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind && 'apiVersion' in value && value.apiVersion === 1 && 'open' in value && 'probe' in value;
}

/** The driver can work here. @throws GantryError unavailable `plugin-probe-failed` */
export async function assertProbe(plugin: Plugin, context: DriverContext, options: unknown): Promise<void> {
  const probed = await plugin.probe(context, options);
  if (!probed.ok) throw new GantryError('unavailable', 'plugin-probe-failed', `the driver ${plugin.name} cannot work here: ${probed.reason}`);
}

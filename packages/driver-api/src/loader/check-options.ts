import { Validator, type OutputUnit } from '@cfworker/json-schema';
import { GantryError } from '@gantry/errors';
import type { Plugin } from '../plugin.ts';

/**
 * Checks options against a plugin's schema (JSON Schema 2020-12).
 *
 * @param where Of the options in the configuration: `storage.options`.
 * @throws GantryError invalid `plugin-options`; names each wrong option. invalid `plugin-broken`: the schema is none.
 */
export function checkOptions(plugin: Plugin, options: Readonly<Record<string, unknown>>, where: string): void {
  const errors = validate(plugin, options);
  if (errors.length === 0) return;
  // A wrong leaf is also an error of everything above it: say only where it is.
  const leaves = errors.filter((e) => !errors.some((other) => other.instanceLocation.startsWith(`${e.instanceLocation}/`)));
  const problems = [...new Set(leaves.map((e) => `${place(where, e.instanceLocation)}: ${sentence(e)}`))];
  throw new GantryError('invalid', 'plugin-options', `plugin ${plugin.name} does not take these options: ${problems.join('; ')}`, {
    details: { plugin: plugin.name, options: leaves.map((e) => place(where, e.instanceLocation)) },
  });
}

function validate(plugin: Plugin, options: object): readonly OutputUnit[] {
  try {
    return new Validator({ ...plugin.optionsSchema }, '2020-12', false).validate(options).errors;
  } catch (e) {
    throw new GantryError('invalid', 'plugin-broken', `plugin ${plugin.name} cannot be used: its optionsSchema is no JSON Schema`, { cause: e, details: { plugin: plugin.name } });
  }
}

/** `#/a/0/b` (RFC 6901) as `storage.options.a[0].b`. */
function place(where: string, pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((key) => decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, key) => (/^\d+$/.test(key) ? `${path}[${key}]` : `${path}.${key}`), where);
}

function sentence(error: OutputUnit): string {
  return error.keyword === 'false' ? 'there is no such option' : error.error;
}

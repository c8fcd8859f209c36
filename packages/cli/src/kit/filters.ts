import type { Filters } from '@gantry/client';
import { GantryError } from '@gantry/errors';

/** `--filter key=value`, repeated: values of one key are alternatives. @throws GantryError invalid `bad-filter`. */
export function parseFilters(entries: readonly string[]): Filters {
  const out: Record<string, string[]> = {};
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    if (equals < 1) throw new GantryError('invalid', 'bad-filter', `invalid argument ${JSON.stringify(entry)} for --filter: expected key=value`);
    (out[entry.slice(0, equals).trim().toLowerCase()] ??= []).push(entry.slice(equals + 1).trim());
  }
  return out;
}

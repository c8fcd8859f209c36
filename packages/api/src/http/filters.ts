import { GantryError } from '@gantry/errors';
import { badParameter, type Query } from './query.ts';
import { parseJson, type Json } from './json.ts';

/** `{"label": ["a", "b=c"]}` as a client asked for it; only names that the endpoint knows. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** Old clients write `{"label": {"a": true}}`. */
function values(name: string, value: Json): readonly string[] {
  if (value === null) return [];
  if (Array.isArray(value)) {
    return value.map((v: Json) => {
      if (typeof v !== 'string') throw badParameter('filters', `the values of ${JSON.stringify(name)} must be strings`);
      return v;
    });
  }
  if (typeof value !== 'object') throw badParameter('filters', `expected a list of strings for ${JSON.stringify(name)}`);
  return Object.entries(value).filter(([, on]) => on === true).map(([key]) => key);
}

/**
 * The parameter `filters`.
 * @throws GantryError invalid `bad-parameter`, or `bad-filter` for a name that is not `known`.
 */
export function decodeFilters(query: Query, known: readonly string[]): Filters {
  const text = query.text('filters');
  const result = new Map<string, readonly string[]>();
  if (text === '') return result;
  const json = parseJson(text);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw badParameter('filters', 'expected an object of lists');
  for (const [name, value] of Object.entries(json)) {
    if (!known.includes(name)) throw new GantryError('invalid', 'bad-filter', `invalid filter '${name.slice(0, 64)}'`, { details: { filter: name, known } });
    const given = values(name, value);
    if (given.length > 0) result.set(name, given);
  }
  return result;
}

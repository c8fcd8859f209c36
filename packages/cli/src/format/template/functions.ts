import { GantryError } from '@gantry/errors';

/** What a template computes with: JSON. */
export type Value = string | number | boolean | null | undefined | readonly Value[] | { readonly [key: string]: Value };

export const failed = (why: string): GantryError => new GantryError('invalid', 'template-failed', `template: ${why}`);

/** Go's idea of empty: false, 0, "", nil, and what has no elements. */
export function truthy(value: Value): boolean {
  if (value === null || value === undefined) return false;
  if (typeof value !== 'object') return value !== false && value !== 0 && value !== '';
  return Object.keys(value).length > 0;
}

/** As Go's fmt prints with %v. */
export function show(value: Value): string {
  if (value === null || value === undefined) return '<no value>';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${(value as readonly Value[]).map(show).join(' ')}]`;
  return `map[${Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => `${key}:${show(item)}`).join(' ')}]`;
}

/** As Go's encoding/json writes: `<`, `>` and `&` escaped. */
export function json(value: Value): string {
  return JSON.stringify(value ?? null).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const text = (value: Value): string => (typeof value === 'string' ? value : show(value));

function list(value: Value, name: string): readonly Value[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw failed(`${name} needs a list, not ${show(value)}`);
  return value as readonly Value[];
}

function compare(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  throw failed(`incompatible types for comparison: ${show(a)} and ${show(b)}`);
}

function index(value: Value, ...keys: readonly Value[]): Value {
  let at = value;
  for (const key of keys) {
    if (Array.isArray(at)) {
      const items = at as readonly Value[];
      if (typeof key !== 'number' || key < 0 || key >= items.length) throw failed(`index out of range: ${show(key)}`);
      at = items[key];
    } else if (typeof at === 'object' && at !== null) {
      const map = at as Readonly<Record<string, Value>>;
      at = Object.hasOwn(map, text(key)) ? map[text(key)] : '';
    } else throw failed(`cannot index ${show(at)}`);
  }
  return at;
}

function length(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'object' && value !== null) return Object.keys(value).length;
  throw failed(`len of ${show(value)}`);
}

/** %s, %v, %d, %q, %%, with width and `-`: what formats of tables use. */
function printf(format: Value, ...args: readonly Value[]): string {
  let next = 0;
  return text(format).replace(/%(-?)(\d{0,4})([sdvqxt%])/g, (_, left: string, width: string, verb: string) => {
    if (verb === '%') return '%';
    if (next >= args.length) return `%!${verb}(MISSING)`;
    const value = args[next++];
    const shown = verb === 'q' ? JSON.stringify(text(value)) : verb === 'x' && typeof value === 'number' ? value.toString(16) : show(value);
    return left === '-' ? shown.padEnd(Number(width)) : shown.padStart(Number(width));
  });
}

/** Go's own functions, and those that Docker's formats add. `and` and `or` are evaluated lazily, elsewhere. */
export const functions: Readonly<Record<string, (...args: Value[]) => Value>> = {
  json: (value) => json(value),
  join: (items, separator) => list(items, 'join').map(text).join(text(separator)),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  title: (value) => text(value).replace(/(^|\s)(\S)/g, (_, space: string, c: string) => space + c.toUpperCase()),
  split: (value, separator) => text(value).split(text(separator)),
  pad: (value, before, after) => (text(value) === '' ? '' : ' '.repeat(Number(before)) + text(value) + ' '.repeat(Number(after))),
  truncate: (value, most) => text(value).slice(0, Number(most)),
  index,
  len: length,
  print: (...args) => args.map(show).join(' '),
  println: (...args) => `${args.map(show).join(' ')}\n`,
  printf: (format, ...args) => printf(format, ...args),
  not: (value) => !truthy(value),
  eq: (a, ...rest) => rest.some((b) => a === b),
  ne: (a, b) => a !== b,
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
};

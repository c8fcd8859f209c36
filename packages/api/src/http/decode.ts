import { GantryError } from '@gantry/errors';
import type { Json, JsonObject } from './json.ts';

/** Turns JSON into a value, or throws naming the field. `at` is the field's path, as `HostConfig.Memory`. */
export type Decoder<T> = (value: Json, at: string) => T;

/** What a request may leave out. */
type Sparse<T> = { readonly [K in keyof T]?: Exclude<T[K], null | undefined> };

const show = (value: Json): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
};

/** @throws GantryError invalid `bad-field` */
export function badField(at: string, why: string): GantryError {
  return new GantryError('invalid', 'bad-field', `invalid value of ${at === '' ? 'the body' : at}: ${why}`, { details: { field: at } });
}

const isObject = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

export const string: Decoder<string> = (value, at) => {
  if (typeof value !== 'string') throw badField(at, `expected a string, got ${show(value)}`);
  if (value.includes('\0')) throw badField(at, 'it has a NUL character');
  return value;
};

export const boolean: Decoder<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw badField(at, `expected true or false, got ${show(value)}`);
  return value;
};

/** A whole number that a double holds exactly. */
export const integer: Decoder<number> = (value, at) => {
  if (typeof value !== 'number') throw badField(at, `expected a number, got ${show(value)}`);
  if (!Number.isSafeInteger(value)) throw badField(at, 'expected a whole number of at most 53 bits');
  return value;
};

export function atLeast(min: number): Decoder<number> {
  return (value, at) => {
    const n = integer(value, at);
    if (n < min) throw badField(at, `expected at least ${min}`);
    return n;
  };
}

export function oneOf<const T extends string>(...values: readonly T[]): Decoder<T> {
  return (value, at) => {
    const text = string(value, at);
    const found = values.find((v) => v === text);
    if (found === undefined) throw badField(at, `expected one of ${values.map((v) => JSON.stringify(v)).join(', ')}`);
    return found;
  };
}

export function listOf<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw badField(at, `expected a list, got ${show(value)}`);
    return value.map((v: Json, i) => item(v, `${at}[${i}]`));
  };
}

/** A map with any names. */
export function mapOf<T>(item: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
  return (value, at) => {
    if (!isObject(value)) throw badField(at, `expected an object, got ${show(value)}`);
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, item(v, `${at}[${JSON.stringify(key)}]`)]));
  };
}

/** Null stands for "none" inside a list or map. */
export function nullable<T>(item: Decoder<T>): Decoder<T | null> {
  return (value, at) => (value === null ? null : item(value, at));
}

export const strings: Decoder<readonly string[]> = listOf(string);
export const stringMap: Decoder<Readonly<Record<string, string>>> = mapOf(string);

/** A list of strings, or one string that means a list of it (Docker's `Cmd` and `Entrypoint`). */
export const stringOrStrings: Decoder<readonly string[]> = (value, at) => (typeof value === 'string' ? [string(value, at)] : strings(value, at));

/** `{"80/tcp": {}}` */
export const set: Decoder<Readonly<Record<string, Readonly<Record<string, never>>>>> = mapOf((value, at) => {
  if (!isObject(value)) throw badField(at, `expected {}, got ${show(value)}`);
  return {};
});

/** Rows and columns. */
export const size: Decoder<readonly [number, number]> = (value, at) => {
  const [rows, columns, ...more] = listOf(atLeast(0))(value, at);
  if (rows === undefined || columns === undefined || more.length > 0) throw badField(at, 'expected two numbers: rows, columns');
  return [rows, columns];
};

/**
 * An object with these fields. A field that is absent or null is left out; unknown ones are ignored, as Docker does.
 * A name in other case means the same field (Docker's decoder does that too): ignoring it would drop what was asked for.
 */
export function object<T>(fields: { readonly [K in keyof Required<T>]: Decoder<Exclude<Required<T>[K], null | undefined>> }): Decoder<Sparse<T>> {
  const decoders = new Map<string, readonly [string, Decoder<unknown>]>(
    Object.entries<Decoder<unknown>>(fields).map(([name, decoder]) => [name.toLowerCase(), [name, decoder]]),
  );
  return (value, at) => {
    if (!isObject(value)) throw badField(at, `expected an object, got ${show(value)}`);
    const result: Record<string, unknown> = {};
    for (const [key, member] of Object.entries(value)) {
      const known = decoders.get(key.toLowerCase());
      if (known === undefined) continue;
      const [name, decoder] = known;
      const path = at === '' ? name : `${at}.${name}`;
      if (Object.hasOwn(result, name)) throw badField(path, 'it stands there twice, in different case');
      if (member !== null) result[name] = decoder(member, path);
    }
    // Each entry was made by the decoder that `fields` names for it.
    return result as Sparse<T>;
  };
}

/** @throws GantryError invalid `bad-field` where a field that must be there is not. */
export function required<T>(value: T | undefined, at: string): T {
  if (value === undefined) throw badField(at, 'it is required');
  return value;
}

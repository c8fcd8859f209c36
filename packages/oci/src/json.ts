import { GantryError } from '@gantry/errors';
import { printable } from './text.ts';

/** What a document is called in errors, and the stable code of those errors. */
export interface JsonSource {
  readonly what: string;
  readonly code: string;
}

/** No document of the image specification nests deeper than 6; a text that does only wants to cost time. */
const maxDepth = 32;
/** Of a list of strings, such as `Env`. */
const maxStrings = 65_536;

const quote = 0x22;
const backslash = 0x5c;
const openers: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const closers: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** `JSON.parse` takes 0.2 s for a megabyte of "[": look before parsing. */
function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (inString) {
      if (byte === backslash) i++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (openers.has(byte) && ++depth > maxDepth) return true;
    else if (closers.has(byte)) depth--;
  }
  return false;
}

function bad(source: JsonSource, why: string, cause?: unknown): GantryError {
  return new GantryError('invalid', source.code, `invalid ${source.what}: ${printable(why, 512)}`, cause === undefined ? {} : { cause });
}

/**
 * A reader over one value of a JSON text that nobody vouches for. Each method returns the value in its type or throws
 * `invalid` with the field's name; a `null` counts as absent, as Go's encoder writes empty lists and maps.
 */
export class JsonReader {
  readonly #source: JsonSource;
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #path: string;

  private constructor(source: JsonSource, value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(source, `${path === '' ? 'it' : path} is not an object`);
    this.#source = source;
    this.#value = Object.fromEntries(Object.entries(value));
    this.#path = path;
  }

  /** @throws GantryError invalid with the source's code: not UTF-8, not JSON, nested deeper than 32, not an object. */
  static parse(bytes: Uint8Array, source: JsonSource): JsonReader {
    if (isTooDeep(bytes)) throw bad(source, `it is nested deeper than ${maxDepth} levels`);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    } catch (cause) {
      throw bad(source, 'it is not JSON in UTF-8', cause);
    }
    return new JsonReader(source, value, '');
  }

  keys(): string[] {
    return Object.keys(this.#value);
  }

  has(key: string): boolean {
    return this.#get(key) !== undefined;
  }

  fail(key: string, why: string): GantryError {
    return bad(this.#source, `${this.#name(key)} ${why}`);
  }

  string(key: string): string {
    return this.optionalString(key) ?? this.#missing(key);
  }

  optionalString(key: string): string | undefined {
    const value = this.#get(key);
    if (value === undefined || typeof value === 'string') return value;
    throw this.fail(key, 'is not a string');
  }

  /** An integer from 0 that a double holds exactly. */
  count(key: string): number {
    return this.optionalCount(key) ?? this.#missing(key);
  }

  optionalCount(key: string): number | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw this.fail(key, 'is not a whole number from 0');
    return value;
  }

  optionalInteger(key: string): number | undefined {
    const value = this.#get(key);
    if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value))) return value;
    throw this.fail(key, 'is not a whole number');
  }

  optionalBoolean(key: string): boolean | undefined {
    const value = this.#get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.fail(key, 'is not true or false');
  }

  object(key: string): JsonReader {
    return this.optionalObject(key) ?? this.#missing(key);
  }

  optionalObject(key: string): JsonReader | undefined {
    const value = this.#get(key);
    return value === undefined ? undefined : new JsonReader(this.#source, value, this.#name(key));
  }

  objects(key: string, max: number): JsonReader[] {
    return this.#array(key, max).map((value, i) => new JsonReader(this.#source, value, `${this.#name(key)}[${i}]`));
  }

  optionalStrings(key: string): string[] | undefined {
    return this.has(key) ? this.strings(key, maxStrings) : undefined;
  }

  strings(key: string, max: number): string[] {
    return this.#array(key, max).map((value, i) => {
      if (typeof value !== 'string') throw this.fail(`${key}[${i}]`, 'is not a string');
      return value;
    });
  }

  optionalStringMap(key: string): Record<string, string> | undefined {
    const value = this.optionalObject(key);
    // fromEntries defines own properties, so that a key named __proto__ stays a key.
    return value === undefined ? undefined : Object.fromEntries(value.keys().map((name) => [name, value.optionalString(name) ?? '']));
  }

  /** The keys of a map that Go uses as a set: each value is an object or null. */
  optionalSet(key: string): Record<string, object> | undefined {
    const value = this.optionalObject(key);
    if (value === undefined) return undefined;
    for (const name of value.keys()) value.optionalObject(name);
    return Object.fromEntries(value.keys().map((name) => [name, {}]));
  }

  #get(key: string): unknown {
    const value = Object.hasOwn(this.#value, key) ? this.#value[key] : undefined;
    return value === null ? undefined : value;
  }

  #array(key: string, max: number): unknown[] {
    const value: unknown = this.#get(key) ?? this.#missing(key);
    if (!Array.isArray(value)) throw this.fail(key, 'is not a list');
    if (value.length > max) throw this.fail(key, `has ${value.length} entries, more than ${max}`);
    return value;
  }

  #name(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }

  #missing(key: string): never {
    throw this.fail(key, 'is missing');
  }
}

import { GantryError } from '@gantry/errors';

/** A JSON object whose fields are known to be expected ones. */
export type Fields = Readonly<Record<string, unknown>>;

export function invalidField(path: string, problem: string): GantryError {
  return new GantryError('invalid', 'seccomp-profile-invalid', `The seccomp profile's ${path} ${problem}`, { details: { field: path } });
}

/** Go writes an empty field as null: the same as none. */
const absent = (value: unknown): value is null | undefined => value === null || value === undefined;

/** A field that is not known is refused, since it may be a misspelt restriction. */
export function fields(value: unknown, path: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidField(path, 'must be an object');
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw invalidField(path === 'top level' ? key.slice(0, 64) : `${path}.${key.slice(0, 64)}`, `is no known field; known are ${known.join(', ')}`);
  }
  return Object.fromEntries(Object.entries(value));
}

export function optionalFields(value: unknown, path: string, known: readonly string[]): Fields {
  return absent(value) ? {} : fields(value, path, known);
}

export function list<T>(value: unknown, path: string, item: (value: unknown, path: string) => T): T[] {
  if (absent(value)) return [];
  if (!Array.isArray(value)) throw invalidField(path, 'must be a list');
  return value.map((entry: unknown, index) => item(entry, `${path}[${index}]`));
}

export function text(value: unknown, path: string): string {
  if (typeof value !== 'string' || value === '') throw invalidField(path, 'must be a text that is not empty');
  return value;
}

export function optionalText(value: unknown, path: string): string | undefined {
  return absent(value) || value === '' ? undefined : text(value, path);
}

export function oneOf<T extends string>(value: unknown, path: string, is: (value: unknown) => value is T, example: string): T {
  if (!is(value)) throw invalidField(path, `must be a value such as ${example}, not ${typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : value === undefined ? 'missing' : `a ${typeof value}`}`);
  return value;
}

/** A whole number that fits 64 bits, exactly. */
export function unsigned64(value: unknown, path: string): number | bigint {
  const whole = (typeof value === 'number' && Number.isSafeInteger(value)) || typeof value === 'bigint';
  if (!whole || value < 0 || value > 0xffff_ffff_ffff_ffffn) throw invalidField(path, 'must be a whole number from 0 to 2^64 - 1');
  return value;
}

export function small(value: unknown, path: string, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most) throw invalidField(path, `must be a whole number from 0 to ${most}`);
  return value;
}

export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return absent(value) ? undefined : read(value);
}

/** How deep brackets nest outside of texts; a reader that recurses is not to be led deeper than it needs. */
function depth(json: string): number {
  let now = 0;
  let most = 0;
  let quoted = false;
  for (let index = 0; index < json.length; index++) {
    const letter = json[index];
    if (quoted) {
      if (letter === '\\') index++;
      else if (letter === '"') quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === '{' || letter === '[') most = Math.max(most, ++now);
    else if (letter === '}' || letter === ']') now--;
  }
  return most;
}

/** JSON as data, numbers above 2^53 exact as bigint. Bounds size and depth before anything is built. */
export function parseBounded(json: string, maxLength: number, maxDepth: number): unknown {
  if (json.length > maxLength) throw new GantryError('invalid', 'seccomp-profile-too-large', `The seccomp profile has ${json.length} characters; at most ${maxLength} are read`);
  if (depth(json) > maxDepth) throw new GantryError('invalid', 'seccomp-profile-invalid', `The seccomp profile nests deeper than ${maxDepth} levels`);
  const exact = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && context?.source !== undefined && /^\d+$/.test(context.source) ? BigInt(context.source) : value;
  try {
    return JSON.parse(json, exact);
  } catch (error) {
    throw new GantryError('invalid', 'seccomp-profile-invalid', `The seccomp profile is no JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

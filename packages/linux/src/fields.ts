import { GantryError } from '@gantry/errors';

/** An object of a message, read field by field. What is not as it should be throws `internal` `native-protocol`. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** The object that a JSON frame holds. */
  static parse(payload: Uint8Array): Fields {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
    } catch (cause) {
      throw new GantryError('internal', 'native-protocol', 'The native side sent what is no JSON', { cause });
    }
    return Fields.of(value, 'message');
  }

  static of(value: unknown, what: string): Fields {
    if (!isRecord(value)) throw wrong(what, 'an object');
    return new Fields(value);
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  string(name: string): string {
    const value = this.#values[name];
    if (typeof value !== 'string') throw wrong(name, 'a string');
    return value;
  }

  optionalString(name: string): string | undefined {
    return this.has(name) ? this.string(name) : undefined;
  }

  number(name: string): number {
    const value = this.#values[name];
    if (typeof value !== 'number') throw wrong(name, 'a number');
    return value;
  }

  optionalNumber(name: string): number | undefined {
    return this.has(name) ? this.number(name) : undefined;
  }

  boolean(name: string): boolean {
    const value = this.#values[name];
    if (typeof value !== 'boolean') throw wrong(name, 'a boolean');
    return value;
  }

  object(name: string): Fields {
    return Fields.of(this.#values[name], name);
  }

  optionalObject(name: string): Fields | undefined {
    return this.has(name) ? this.object(name) : undefined;
  }

  list(name: string): readonly unknown[] {
    return asList(this.#values[name], name);
  }

  /** One of a closed set of words. */
  oneOf<const T extends string>(name: string, words: readonly T[]): T {
    const value = this.#values[name];
    const word = words.find((w) => w === value);
    if (word === undefined) throw wrong(name, `one of ${words.join(', ')}`);
    return word;
  }
}

/** A list inside a message. */
export function asList(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(what, 'a list');
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(what: string, expected: string): GantryError {
  return new GantryError('internal', 'native-protocol', `The native side sent a message whose ${what} is not ${expected}`);
}

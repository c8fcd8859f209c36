import { GantryError } from '@gantry/errors';

/** A JSON value. Objects have no prototype, so that no key can mean more than itself. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** Deeper than any request of the API, shallow enough to walk without care. */
const maxDepth = 32;

const whitespace = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Where numbers end, and what they may look like: no leading zeros, no bare point. Anchored and linear. */
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

class Reader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  document(): Json {
    const value = this.value(0);
    this.skip();
    if (this.at < this.text.length) throw this.error('unexpected text after the value');
    return value;
  }

  private error(why: string): GantryError {
    return new GantryError('invalid', 'bad-json', `invalid JSON in the request at character ${this.at}: ${why}`, { details: { at: this.at } });
  }

  private skip(): void {
    while (whitespace.has(this.text.charCodeAt(this.at))) this.at++;
  }

  private value(depth: number): Json {
    if (depth > maxDepth) throw this.error(`nested deeper than ${maxDepth} levels`);
    this.skip();
    switch (this.text[this.at]) {
      case '{': return this.object(depth);
      case '[': return this.array(depth);
      case '"': return this.string();
      case 't': return this.word('true', true);
      case 'f': return this.word('false', false);
      case 'n': return this.word('null', null);
      case undefined: throw this.error('it ends early');
      default: return this.number();
    }
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.error('unknown word');
    this.at += word.length;
    return value;
  }

  private number(): number {
    number.lastIndex = this.at;
    const found = number.exec(this.text);
    if (found === null) throw this.error('expected a value');
    const value = Number(found[0]);
    if (!Number.isFinite(value)) throw this.error('number out of range');
    this.at = number.lastIndex;
    return value;
  }

  private string(): string {
    const start = this.at;
    for (let i = start + 1; i < this.text.length; i++) {
      const c = this.text.charCodeAt(i);
      if (c === 0x22) {
        this.at = i + 1;
        return this.unescape(this.text.slice(start, i + 1));
      }
      if (c === 0x5c) i++;
    }
    throw this.error('a string without an end');
  }

  private unescape(literal: string): string {
    try {
      return String(JSON.parse(literal));
    } catch (cause) {
      if (cause instanceof SyntaxError) throw this.error('a string with a bad escape or control character');
      throw cause;
    }
  }

  private array(depth: number): readonly Json[] {
    const items: Json[] = [];
    this.at++;
    this.skip();
    if (this.text[this.at] === ']') {
      this.at++;
      return items;
    }
    for (;;) {
      items.push(this.value(depth + 1));
      if (this.separator(']')) return items;
    }
  }

  private object(depth: number): JsonObject {
    const members = Object.create(null) as Record<string, Json>;
    this.at++;
    this.skip();
    if (this.text[this.at] === '}') {
      this.at++;
      return members;
    }
    for (;;) {
      this.skip();
      if (this.text[this.at] !== '"') throw this.error('expected a name in quotes');
      const key = this.string();
      if (key === '__proto__') throw this.error('the name "__proto__" is refused');
      if (key in members) throw this.error(`the name ${JSON.stringify(key)} stands there twice`);
      this.skip();
      if (this.text[this.at] !== ':') throw this.error('expected ":"');
      this.at++;
      members[key] = this.value(depth + 1);
      if (this.separator('}')) return members;
    }
  }

  /** Steps over `,` or the end; true at the end. */
  private separator(end: string): boolean {
    this.skip();
    const c = this.text[this.at];
    if (c !== ',' && c !== end) throw this.error(`expected "," or "${end}"`);
    this.at++;
    return c === end;
  }
}

/**
 * Reads one JSON document strictly: no duplicate names (of which two readers could see different ones), no `__proto__`,
 * bounded depth, nothing behind it. Linear in its length.
 * @throws GantryError invalid `bad-json`, saying where.
 */
export function parseJson(text: string): Json {
  return new Reader(text).document();
}

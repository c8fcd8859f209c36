import { GantryError } from '@gantry/errors';

/** A JSON value. Objects have no prototype, so that no key can mean more than itself. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** Deeper than any request of the API, shallow enough to walk without care. */
const maxDepth = 32;

/** What a number may look like: no leading zeros, no bare point. Anchored and linear. */
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const quote = 0x22;
const backslash = 0x5c;
const firstPrintable = 0x20;

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
    for (;; this.at++) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
    }
  }

  private value(depth: number): Json {
    if (depth > maxDepth) throw this.error(`nested deeper than ${maxDepth} levels`);
    this.skip();
    switch (this.text.charCodeAt(this.at)) {
      case quote: return this.string();
      case 0x7b: return this.object(depth);
      case 0x5b: return this.array(depth);
      case 0x74: return this.word('true', true);
      case 0x66: return this.word('false', false);
      case 0x6e: return this.word('null', null);
      default: return this.number();
    }
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.error('unknown word');
    this.at += word.length;
    return value;
  }

  private number(): number {
    const start = this.at;
    let at = start;
    for (let c = this.text.charCodeAt(at); c >= 0x30 && c <= 0x39; c = this.text.charCodeAt(++at));
    // Most numbers are a few digits and nothing else.
    const next = this.text.charCodeAt(at) | 0x20; // e for E
    const isPlain = at > start && at - start <= 15 && next !== 0x2e && next !== 0x65 && (at - start === 1 || this.text.charCodeAt(start) !== 0x30);
    if (!isPlain) return this.anyNumber();
    this.at = at;
    let value = 0;
    for (let i = start; i < at; i++) value = value * 10 + this.text.charCodeAt(i) - 0x30;
    return value;
  }

  private anyNumber(): number {
    number.lastIndex = this.at;
    const found = number.exec(this.text);
    if (found === null) throw this.error(this.at < this.text.length ? 'expected a value' : 'it ends early');
    const value = Number(found[0]);
    if (!Number.isFinite(value)) throw this.error('number out of range');
    this.at = number.lastIndex;
    return value;
  }

  private string(): string {
    const start = this.at;
    let escaped = false;
    for (let i = start + 1; i < this.text.length; i++) {
      const c = this.text.charCodeAt(i);
      if (c === quote) {
        this.at = i + 1;
        return escaped ? this.unescape(this.text.slice(start, i + 1)) : this.text.slice(start + 1, i);
      }
      if (c < firstPrintable) throw this.error('a control character in a string');
      if (c === backslash) {
        escaped = true;
        i++;
      }
    }
    throw this.error('a string without an end');
  }

  private unescape(literal: string): string {
    try {
      return String(JSON.parse(literal));
    } catch (cause) {
      if (cause instanceof SyntaxError) throw this.error('a string with a bad escape');
      throw cause;
    }
  }

  private array(depth: number): readonly Json[] {
    const items: Json[] = [];
    this.at++;
    this.skip();
    if (this.text.charCodeAt(this.at) === 0x5d) {
      this.at++;
      return items;
    }
    for (;;) {
      items.push(this.value(depth + 1));
      if (this.separator(0x5d)) return items;
    }
  }

  private object(depth: number): JsonObject {
    const members = Object.create(null) as Record<string, Json>;
    this.at++;
    this.skip();
    if (this.text.charCodeAt(this.at) === 0x7d) {
      this.at++;
      return members;
    }
    for (;;) {
      this.skip();
      if (this.text.charCodeAt(this.at) !== quote) throw this.error('expected a name in quotes');
      const key = this.string();
      if (key === '__proto__') throw this.error('the name "__proto__" is refused');
      if (key in members) throw this.error(`the name ${JSON.stringify(key)} stands there twice`);
      this.skip();
      if (this.text.charCodeAt(this.at) !== 0x3a) throw this.error('expected ":"');
      this.at++;
      members[key] = this.value(depth + 1);
      if (this.separator(0x7d)) return members;
    }
  }

  /** Steps over `,` or the end; true at the end. */
  private separator(end: number): boolean {
    this.skip();
    const c = this.text.charCodeAt(this.at);
    if (c !== 0x2c && c !== end) throw this.error(`expected "," or "${String.fromCharCode(end)}"`);
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

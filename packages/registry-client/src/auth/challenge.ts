/** One way that a server offers to authenticate (RFC 9110, 11.6.1). Scheme and names of parameters are in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

const maxLength = 16 * 1024;
const tokenChar = /[\w!#$%&'*+.^`|~-]/;
const token68Char = /[\w.~+/=-]/;

/** Reads one `WWW-Authenticate` value from left to right, each character once. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  peek(): string {
    return this.#text[this.#at] ?? '';
  }

  take(chars: RegExp): string {
    const start = this.#at;
    while (!this.isAtEnd && chars.test(this.peek())) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  skip(chars: RegExp): void {
    this.take(chars);
  }

  accept(char: string): boolean {
    if (this.peek() !== char) return false;
    this.#at++;
    return true;
  }

  /** After the opening quote; undefined if the closing one is missing. */
  quoted(): string | undefined {
    let out = '';
    while (!this.isAtEnd) {
      const char = this.#text[this.#at++] ?? '';
      if (char === '"') return out;
      out += char === '\\' ? (this.#text[this.#at++] ?? '') : char;
    }
    return undefined;
  }

  mark(): number {
    return this.#at;
  }

  reset(mark: number): void {
    this.#at = mark;
  }
}

/** Every challenge of every value, in order. What is malformed ends the value it stands in; what came before counts. */
export function parseChallenges(values: readonly string[]): Challenge[] {
  return values.filter((value) => value.length <= maxLength).flatMap(parseValue);
}

function parseValue(value: string): Challenge[] {
  const scan = new Scanner(value);
  const found: Challenge[] = [];
  for (;;) {
    scan.skip(/[\s,]/);
    const scheme = scan.take(tokenChar).toLowerCase();
    if (scheme === '') return found;
    const params = new Map<string, string>();
    found.push({ scheme, params });
    scan.skip(/ /);
    if (!parseParams(scan, params)) return found;
  }
}

/** False: the rest of the value cannot be read. */
function parseParams(scan: Scanner, params: Map<string, string>): boolean {
  for (let first = true; ; first = false) {
    if (!first) scan.skip(/[\s,]/);
    const mark = scan.mark();
    const name = scan.take(tokenChar).toLowerCase();
    scan.skip(/\s/);
    if (name !== '' && scan.accept('=') && !(first && /[=,]|^$/.test(scan.peek()))) {
      scan.skip(/\s/);
      const value = scan.accept('"') ? scan.quoted() : scan.take(tokenChar);
      if (value === undefined) return false;
      // The first of its name counts: a second one would let two readers disagree.
      if (!params.has(name)) params.set(name, value);
      continue;
    }
    scan.reset(mark);
    if (first) {
      // `Negotiate dG9rZW4=`: a token68, which none of the schemes that are understood here has.
      scan.skip(token68Char);
      if (!scan.isAtEnd && scan.peek() !== ',' && scan.peek() !== ' ') return false;
    }
    return true;
  }
}

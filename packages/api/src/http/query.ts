import { GantryError } from '@gantry/errors';

/** What Docker reads as false; anything else is true. */
const falsehoods: ReadonlySet<string> = new Set(['', '0', 'no', 'false', 'none']);

/** @throws GantryError invalid `bad-parameter`, naming the parameter. */
export function badParameter(name: string, why: string): GantryError {
  return new GantryError('invalid', 'bad-parameter', `invalid query parameter "${name}": ${why}`, { details: { parameter: name } });
}

/** The query of a request, read by type. Unknown parameters are ignored, as Docker does. */
export class Query {
  private readonly values: URLSearchParams;

  constructor(query: string) {
    this.values = new URLSearchParams(query);
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  /** Empty when absent. @throws GantryError invalid `bad-parameter` for a NUL character. */
  text(name: string): string {
    const value = this.values.get(name) ?? '';
    if (value.includes('\0')) throw badParameter(name, 'it has a NUL character');
    return value;
  }

  all(name: string): readonly string[] {
    return this.values.getAll(name);
  }

  flag(name: string, absent = false): boolean {
    const value = this.values.get(name);
    return value === null ? absent : !falsehoods.has(value.trim().toLowerCase());
  }

  /** Undefined when absent or empty. @throws GantryError invalid `bad-parameter` */
  integer(name: string): number | undefined {
    const value = this.text(name).trim();
    if (value === '') return undefined;
    const n = /^[+-]?\d{1,16}$/.test(value) ? Number(value) : NaN;
    if (!Number.isSafeInteger(n)) throw badParameter(name, `expected a whole number, got ${JSON.stringify(value.slice(0, 64))}`);
    return n;
  }
}

import { isGantryError } from '@gantry/errors';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../src/http/json.ts';

const failure = (text: string): unknown => {
  try {
    parseJson(text);
  } catch (error) {
    return error;
  }
  return undefined;
};

const isBadJson = (error: unknown): boolean => isGantryError(error) && error.kind === 'invalid' && error.code === 'bad-json';

const hasProto = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.entries(value).some(([key, member]) => key === '__proto__' || hasProto(member));

describe('reads what JSON.parse reads', () => {
  test('any value', () => {
    const value = fc.jsonValue({ maxDepth: 6 });
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1, '\t'), (v, indent) => {
        const text = JSON.stringify(v, null, indent);
        const seen = failure(text);
        if (hasProto(v)) return isBadJson(seen);
        expect(JSON.stringify(parseJson(text))).toBe(JSON.stringify(JSON.parse(text)));
        return true;
      }),
      { numRuns: 500 },
    );
  });

  test.each(['"\\u00e9\\n\\\\"', '-0', '1e3', '0.5', '"\\ud83d\\ude00"', ' [ ] ', '{ }'])('%s', (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });
});

describe('refuses', () => {
  test.each([
    '', ' ', '{', '[', '[1', '[1,', '[1,]', '{"a"', '{"a":', '{"a":1', '{"a":1,}', '{a:1}', "{'a':1}", '{"a" 1}', '01', '1.', '.5', '+1', '-', '1e', 'NaN', 'Infinity',
    'tru', 'nulll', '"a', '"\\x"', '"\u0001"', '{} x', '[] []', '{"a":1,"a":2}', '{"a":{"b":1,"b":1}}', '{"__proto__":{}}', '[{"__proto__":1}]',
    '{"\\u005f_proto__":1}', '1e999', '//', '\ufeff{}',
  ])('%j', (text) => {
    expect(isBadJson(failure(text))).toBe(true);
  });

  test('what JSON.parse refuses', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30, unit: fc.constantFrom(...Array.from('{}[]",:0123.eE+-\\u truefalsn')) }), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const error = failure(text);
        // Stricter only by duplicates and numbers without an end.
        if (!valid) return isBadJson(error);
        return error === undefined || isBadJson(error);
      }),
      { numRuns: 3000 },
    );
  });

  test('a hundred thousand nested arrays, at once', () => {
    const start = performance.now();
    expect(isBadJson(failure('['.repeat(100_000)))).toBe(true);
    expect(isBadJson(failure('{"a":'.repeat(100_000)))).toBe(true);
    expect(performance.now() - start).toBeLessThan(200);
  });
});

test('a name is only a name', () => {
  const value = parseJson('{"constructor":1,"toString":2,"hasOwnProperty":3}') as Record<string, unknown>;
  expect(Object.getPrototypeOf(value)).toBeNull();
  expect(Object.entries(value)).toEqual([['constructor', 1], ['toString', 2], ['hasOwnProperty', 3]]);
});

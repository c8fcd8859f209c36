import { expect, test } from 'vitest';
import { compareVersions, maxApiVersion, minApiVersion, parseApiVersion } from '../src/index.ts';

test.each([
  ['1.24', '1.56', -1],
  ['1.9', '1.24', -1],
  ['1.44', '1.44', 0],
  ['2.0', '1.56', 1],
] as const)('%s against %s', (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign);
});

test.each(['1.41', '1.024'])('%s is a version', (text) => {
  expect(parseApiVersion(text)).toBe(`1.${Number(text.slice(2))}`);
});

test.each(['', '1', '1.', 'v1.41', '1.41.0', '1.x', '1.44444'])('%s is none', (text) => {
  expect(parseApiVersion(text)).toBeUndefined();
});

test('the range is not empty', () => {
  expect(compareVersions(minApiVersion, maxApiVersion)).toBeLessThan(0);
});

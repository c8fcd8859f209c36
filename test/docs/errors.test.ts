import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { collectErrorCodes } from '../../tools/error-codes/collect.ts';

it('docs/errors.md lists every code that the sources can throw, where it comes from, and no other', { timeout: 120_000 }, () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const listed = [...text.matchAll(/^\| `([^`]+)` \| ([^|]+) \| \S[^|]* \|$/gm)].map(([, code, from]) => `${code ?? ''}: ${from ?? ''}`);
  const thrown = [...collectErrorCodes()].map(([code, { packages }]) => `${code}: ${[...packages].sort().join(', ')}`);
  expect(listed.toSorted()).toEqual(thrown.toSorted());
});

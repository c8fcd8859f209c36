import { describe, expect, it } from 'vitest';
import { chainId, chainIds, digestOf, hexOf, isDigest, parseDiffID, parseDigest } from '../src/index.ts';

const abc = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

describe('digests', () => {
  it('hashes bytes and text alike', () => {
    expect(digestOf('abc')).toBe(abc);
    expect(digestOf(Buffer.from('abc'))).toBe(abc);
    expect(hexOf(parseDigest(abc))).toBe(abc.slice(7));
  });

  it.each(['', 'sha256:', 'sha256:x', abc.toUpperCase(), `${abc}0`, `${abc}\n`, abc.replace('sha256', 'sha512'), 'sha256:../../x', 7, null, {}])('refuses %j', (value) => {
    expect(isDigest(value)).toBe(false);
    expect(() => parseDigest(value)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'bad-digest' }));
  });
});

describe('chain IDs', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((text) => parseDiffID(digestOf(text)));

  it('is the diff ID for the lowest layer, and hashes parent and diff above', () => {
    const first = chainId(null, a!);
    expect(first).toBe(a);
    expect(chainId(first, b!)).toBe(digestOf(`${a!} ${b!}`));
  });

  it('agrees with folding over the stack', () => {
    expect(chainIds([a!, b!, c!])).toEqual([a, digestOf(`${a!} ${b!}`), digestOf(`${digestOf(`${a!} ${b!}`)} ${c!}`)]);
    expect(chainIds([])).toEqual([]);
  });
});

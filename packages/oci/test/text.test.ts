import { describe, expect, it } from 'vitest';
import { parseDigest, parsePlatform, parseReference, printable, quoted } from '../src/index.ts';

const hostile = 'a\u001b[31mb\r\nc\u202ed\u200be\u0000\u009bf';

describe('printable', () => {
  it('leaves nothing that moves a cursor or hides', () => {
    expect(printable(hostile, 100)).toBe('a [31mb c d e f');
    expect(printable('\ud800', 10)).toBe('');
  });

  it('keeps to one line and its length', () => {
    expect(printable('x'.repeat(1000), 10)).toBe(`${'x'.repeat(10)}...`);
    expect(printable('\n'.repeat(1e6), 10)).toBe('');
  });
});

describe('quoted', () => {
  it('shows what cannot be printed', () => {
    expect(quoted('a"b\u202e\u200b\u009b\n')).toBe('"a\\"b\\u{202e}\\u{200b}\\u{9b}\\n"');
    expect(quoted('x'.repeat(1000), 3)).toBe('"xxx..."');
  });

  it.each([['a reference', () => parseReference(hostile)], ['a digest', () => parseDigest(hostile)], ['a platform', () => parsePlatform(hostile)]])('is how errors name %s', (_, parse) => {
    expect(parse).toThrow(/^[^\p{Cc}\p{Cf}]*$/u);
  });
});

import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../src/auth/challenge.ts';

const parse = (...values: string[]): unknown => parseChallenges(values).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);

describe('parseChallenges', () => {
  it.each([
    ['Basic realm="a b"', [['basic', { realm: 'a b' }]]],
    ['Basic', [['basic', {}]]],
    ['BASIC REALM=x', [['basic', { realm: 'x' }]]],
    ['Bearer realm="https://auth.example.com/token",service="registry",scope="repository:a:pull,push"', [['bearer', { realm: 'https://auth.example.com/token', service: 'registry', scope: 'repository:a:pull,push' }]]],
    ['Bearer realm="https://a/t" , service = "s"', [['bearer', { realm: 'https://a/t', service: 's' }]]],
    ['Basic realm="x", Bearer realm="https://a/t",service="s"', [['basic', { realm: 'x' }], ['bearer', { realm: 'https://a/t', service: 's' }]]],
    ['Basic, Bearer realm="https://a/t"', [['basic', {}], ['bearer', { realm: 'https://a/t' }]]],
    ['Negotiate YWJj=, Basic realm="x"', [['negotiate', {}], ['basic', { realm: 'x' }]]],
    ['Negotiate, NTLM, Basic realm="x"', [['negotiate', {}], ['ntlm', {}], ['basic', { realm: 'x' }]]],
    ['Basic realm="a \\"quoted\\" \\\\ b"', [['basic', { realm: 'a "quoted" \\ b' }]]],
    ['Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
    ['Bearer realm="a, Basic realm=b"', [['bearer', { realm: 'a, Basic realm=b' }]]],
    ['  ,, Basic realm="x" ,', [['basic', { realm: 'x' }]]],
    ['Basic realm="unclosed', [['basic', {}]]],
    ['Basic realm="x", Bearer realm="unclosed', [['basic', { realm: 'x' }], ['bearer', {}]]],
    ['"', []],
    ['', []],
  ])('%s', (value, wanted) => {
    expect(parse(value)).toEqual(wanted);
  });

  it('reads several headers', () => {
    expect(parse('Bearer realm="a"', 'Basic realm="b"')).toEqual([['bearer', { realm: 'a' }], ['basic', { realm: 'b' }]]);
  });

  it('takes linear time, and no more than 16 KiB of a value', () => {
    const started = performance.now();
    for (const unit of ['a', 'a=', '"', '\\', ' ', ',', 'a ', 'a=b,', 'Basic realm="', '='.repeat(8)]) parse(unit.repeat(16 * 1024 / unit.length));
    expect(parse(`Basic realm="${'x'.repeat(20_000)}"`)).toEqual([]);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

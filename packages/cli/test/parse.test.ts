import { describe, expect, it } from 'vitest';
import { parse } from '../src/kit/parse.ts';
import { define } from '../src/kit/spec.ts';

const spec = define({
  name: 'x',
  summary: '',
  examples: [],
  flags: {
    all: { type: 'boolean', char: 'a', summary: '' },
    proxy: { type: 'boolean', default: true, summary: '' },
    env: { type: 'list', char: 'e', summary: '' },
    name: { type: 'string', char: 'n', summary: '' },
    pull: { type: 'string', options: ['always', 'never'], summary: '' },
  },
  args: { usage: 'A [B...]', min: 0, max: 3 },
  run: async () => 0,
});
const passing = define({ ...spec, args: { ...spec.args, min: 1, max: Infinity, passThrough: true } });

describe('parse', () => {
  it.each([
    [['--name', 'v'], { name: 'v' }],
    [['--name=v=w'], { name: 'v=w' }],
    [['-n', 'v'], { name: 'v' }],
    [['-nv'], { name: 'v' }],
    [['-n=v'], { name: 'v' }],
    [['-an', 'v'], { all: true, name: 'v' }],
    [['-e', 'A=1', '--env', 'B=2', '-eC'], { env: ['A=1', 'B=2', 'C'] }],
    [['--proxy=false'], { proxy: false }],
    [['-a=false'], { all: false }],
    [[], { all: false, proxy: true, env: [], name: undefined }],
    [['--name', '--all'], { name: '--all', all: false }],
  ])('%j', (argv, flags) => {
    expect(parse(spec, argv).flags).toMatchObject(flags);
  });

  it('takes flags between and behind arguments, and none behind --', () => {
    const parsed = parse(spec, ['one', '-a', 'two', '--', '-n']);
    expect(parsed).toMatchObject({ args: ['one', 'two', '-n'], flags: { all: true, name: undefined } });
  });

  it('leaves what follows the first argument to the program that is run', () => {
    const parsed = parse(passing, ['-a', 'image', 'ls', '-l', '--help']);
    expect(parsed).toMatchObject({ args: ['image', 'ls', '-l', '--help'], help: false, flags: { all: true } });
  });

  it('reads the flags that every command takes', () => {
    expect(parse(spec, ['-H', 'unix:///x', '--json', '-D']).global).toEqual({ host: 'unix:///x', json: true, debug: true });
  });

  it('sees a wish for help first', () => {
    expect(parse(spec, ['-h']).help).toBe(true);
    expect(parse(passing, ['--help']).help).toBe(true);
  });

  it.each([
    [['--nope'], 'unknown-flag', 'unknown flag: --nope'],
    [['--toString'], 'unknown-flag', 'unknown flag: --toString'],
    [['-az'], 'unknown-flag', "unknown shorthand flag: 'z' in -az"],
    [['--name'], 'flag-needs-value', 'flag needs an argument: --name'],
    [['-n'], 'flag-needs-value', 'flag needs an argument: -n'],
    [['--all=maybe'], 'bad-flag-value', '"maybe" for --all'],
    [['--pull', 'often'], 'bad-flag-value', 'expected always, never'],
    [['a', 'b', 'c', 'd'], 'bad-arguments', 'at most 3 arguments'],
  ])('refuses %j', (argv, code, message) => {
    expect(() => parse(spec, argv)).toThrow(expect.objectContaining({ kind: 'invalid', code, message: expect.stringContaining(message) as string }) as Error);
  });
});

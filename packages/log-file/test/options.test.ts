import { describe, expect, it } from 'vitest';
import { parseLimits } from '../src/options.ts';

describe('parseLimits', () => {
  it.each([
    [{}, { maxBytes: 10_000_000, maxFiles: 3, full: 'block', bufferBytes: 1_000_000 }],
    [{ 'max-size': '1k', 'max-file': '2', compress: 'true' }, { maxBytes: 1000, maxFiles: 2 }],
    [{ 'max-size': '1.5MB' }, { maxBytes: 1_500_000 }],
    [{ 'max-size': '2 GiB' }, { maxBytes: 2_000_000_000 }],
    [{ 'max-size': '100' }, { maxBytes: 100 }],
    [{ 'max-file': '+1' }, { maxFiles: 1 }],
    [{ mode: 'non-blocking' }, { full: 'drop', bufferBytes: 1_000_000 }],
    [{ mode: 'non-blocking', 'max-buffer-size': '4m' }, { full: 'drop', bufferBytes: 4_000_000 }],
    [{ labels: 'a,b', env: 'C', 'env-regex': '^x', 'labels-regex': '^y', tag: '{{.ID}}' }, { maxBytes: 10_000_000 }],
  ])('%j', (options, expected) => {
    expect(parseLimits(options)).toMatchObject(expected);
  });

  it('takes what a container leaves open from the configuration', () => {
    expect(parseLimits({}, { maxSize: '1m', maxFile: 5 })).toMatchObject({ maxBytes: 1_000_000, maxFiles: 5 });
    expect(parseLimits({ 'max-file': '2' }, { maxSize: '-1', maxFile: 5 })).toMatchObject({ maxBytes: 0, maxFiles: 2 });
  });

  // The sentences are those of a Docker daemon for the same options.
  it.each([
    [{ nosuch: '1' }, 'nosuch', "unknown log opt 'nosuch' for json-file log driver"],
    [{ 'max-size': 'x' }, 'max-size', "invalid size: 'x'"],
    [{ 'max-size': '' }, 'max-size', "invalid size: ''"],
    [{ 'max-size': '-1' }, 'max-size', "invalid size: '-1'"],
    [{ 'max-size': '10z' }, 'max-size', "invalid size: '10z'"],
    [{ 'max-size': '999999999999999p' }, 'max-size', "invalid size: '999999999999999p'"],
    [{ 'max-size': '0' }, 'max-size', 'max-size must be a positive number'],
    [{ 'max-file': 'x' }, 'max-file', 'strconv.Atoi: parsing "x": invalid syntax'],
    [{ 'max-file': '0' }, 'max-file', 'max-file cannot be less than 1'],
    [{ 'max-file': '-1' }, 'max-file', 'max-file cannot be less than 1'],
    [{ compress: 'x' }, 'compress', 'strconv.ParseBool: parsing "x": invalid syntax'],
    [{ compress: 'true', 'max-file': '1' }, 'compress', 'compress cannot be true when max-file is less than 2 or max-size is not set'],
    [{ mode: 'x' }, 'mode', 'logger: logging mode not supported: x'],
    [{ 'max-buffer-size': '1m' }, 'max-buffer-size', "logger: max-buffer-size option is only supported with 'mode=non-blocking'"],
    [{ mode: 'non-blocking', 'max-buffer-size': 'x' }, 'max-buffer-size', "error parsing option max-buffer-size: invalid size: 'x'"],
  ])('refuses %j', (options, option, message) => {
    expect(() => parseLimits(options)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'log-option-invalid', message, details: { option } }));
  });
});

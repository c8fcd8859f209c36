import { describe, expect, it } from 'vitest';
import { formatPlatform, hostPlatform, parsePlatform, pickPlatform, samePlatform } from '../src/index.ts';

const entries = (...texts: string[]): { platform: ReturnType<typeof parsePlatform>; text: string }[] => texts.map((text) => ({ platform: parsePlatform(text), text }));

describe('parsePlatform', () => {
  it.each([
    ['linux/amd64', 'linux/amd64'],
    ['amd64', 'linux/amd64'],
    ['x86_64', 'linux/amd64'],
    ['aarch64', 'linux/arm64'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['armhf', 'linux/arm/v7'],
    ['armel', 'linux/arm/v6'],
    ['linux', formatPlatform(hostPlatform())],
    ['Windows/AMD64', 'windows/amd64'],
  ])('%s is %s', (text, wanted) => {
    expect(formatPlatform(parsePlatform(text))).toBe(wanted);
  });

  it.each(['', 'a/b/c/d', 'linux/', 'linux/amd 64', '../x'])('refuses %j', (text) => {
    expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'bad-platform' }));
  });
});

describe('samePlatform', () => {
  it.each([
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/arm', 'linux/arm/v7', true],
    ['linux/amd64', 'linux/amd64/v1', true],
    ['linux/amd64', 'linux/amd64/v2', false],
    ['linux/arm/v6', 'linux/arm', false],
    ['linux/amd64', 'windows/amd64', false],
  ])('%s and %s: %s', (a, b, same) => {
    expect(samePlatform(parsePlatform(a), parsePlatform(b))).toBe(same);
  });
});

describe('pickPlatform', () => {
  it.each([
    ['linux/arm64', ['linux/amd64', 'linux/arm64/v8'], 'linux/arm64/v8'],
    ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm64'], 'linux/arm/v6'],
    ['linux/arm/v6', ['linux/arm/v7', 'linux/arm/v5'], 'linux/arm/v5'],
    ['linux/amd64', ['linux/386', 'linux/arm64'], 'linux/386'],
    ['linux/amd64', ['linux/386', 'linux/amd64/v2', 'linux/amd64'], 'linux/amd64'],
    ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2'], 'linux/amd64/v2'],
    ['linux/arm64', ['linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v7'],
    ['linux/arm64', ['linux/arm64/v9'], undefined],
    ['linux/386', ['linux/amd64'], undefined],
    ['linux/s390x', ['linux/amd64', 'linux/s390x'], 'linux/s390x'],
    ['linux/amd64', ['windows/amd64'], undefined],
  ])('%s of %j: %s', (want, have, picked) => {
    expect(pickPlatform(entries(...have), parsePlatform(want))?.text).toBe(picked);
  });

  it('passes over entries without a platform', () => {
    expect(pickPlatform([{ platform: undefined }], parsePlatform('linux/amd64'))).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { familiarName, familiarReference, formatReference, parseReference, withDefaultTag } from '../src/index.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

describe('parseReference', () => {
  it.each([
    ['debian', 'docker.io', 'library/debian', undefined],
    ['debian:12', 'docker.io', 'library/debian', '12'],
    ['user/app:v1', 'docker.io', 'user/app', 'v1'],
    ['docker.io/debian', 'docker.io', 'library/debian', undefined],
    ['index.docker.io/debian', 'docker.io', 'library/debian', undefined],
    ['localhost/app', 'localhost', 'app', undefined],
    ['localhost:5000/a/b/c:1.0', 'localhost:5000', 'a/b/c', '1.0'],
    ['127.0.0.1:5000/debian:12', '127.0.0.1:5000', 'debian', '12'],
    ['[::1]:5000/app', '[::1]:5000', 'app', undefined],
    ['ghcr.io/Owner'.toLowerCase(), 'ghcr.io', 'owner', undefined],
    ['REGISTRY/app', 'REGISTRY', 'app', undefined],
    ['host:5000', 'docker.io', 'library/host', '5000'],
    ['a__b/c-d.e', 'docker.io', 'a__b/c-d.e', undefined],
  ])('%s', (text, domain, path, tag) => {
    expect(parseReference(text)).toEqual({ domain, path, ...(tag === undefined ? {} : { tag }) });
  });

  it('takes a tag and a digest together', () => {
    expect(parseReference(`localhost:5000/a:1@${digest}`)).toEqual({ domain: 'localhost:5000', path: 'a', tag: '1', digest });
  });

  it.each([
    ['', 'the name is empty'],
    [':tag', 'the name is empty'],
    ['Debian', 'must be lowercase'],
    ['a/../b', 'single separators'],
    ['../../etc/passwd', 'domain name'],
    ['a//b', 'single separators'],
    ['a/b/', 'single separators'],
    ['-a', 'single separators'],
    ['a b', 'single separators'],
    ['a:', 'the tag may have'],
    ['a:.x', 'the tag may have'],
    [`a:${'x'.repeat(129)}`, 'the tag may have'],
    ['a@sha256:x', 'not a sha256 digest'],
    ['a@sha256:../../x', 'not a sha256 digest'],
    [`a@sha512:${'ab'.repeat(64)}`, 'not a sha256 digest'],
    [`a@${digest.toUpperCase()}`, 'not a sha256 digest'],
    ['ab'.repeat(32), '64 hexadecimal digits'],
    ['https://host/a', 'domain name'],
    ['user:pw@host/a', 'not a sha256 digest'],
    ['ex_ample.com/a', 'domain name'],
    ['host:5000x/a', 'domain name'],
    [`a/${'b'.repeat(300)}`, 'longer than 255'],
    ['x'.repeat(600), 'longer than 512'],
  ])('refuses %j', (text, why) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'bad-reference', message: expect.stringContaining(why) as unknown }));
  });

  it('takes linear time on text made to backtrack', () => {
    const started = performance.now();
    for (const text of [`${'a-'.repeat(255)}!`, `${'a_'.repeat(255)}!`, `${'-'.repeat(500)}.com/a`, `a${'-'.repeat(480)}.b/c`]) {
      expect(() => parseReference(text)).toThrow();
    }
    expect(performance.now() - started).toBeLessThan(50);
  });
});

describe('formatting', () => {
  it.each(['debian', 'debian:12', 'user/app:v1', 'localhost:5000/a/b:1', 'ghcr.io/o/a', `debian@${digest}`, 'library/x/y', 'localhost/x'])('%s round-trips', (text) => {
    const ref = parseReference(text);
    expect(familiarReference(ref)).toBe(text);
    expect(parseReference(formatReference(ref))).toEqual(ref);
  });

  it('names an official image in full and in short', () => {
    const ref = withDefaultTag(parseReference('debian'));
    expect(formatReference(ref)).toBe('docker.io/library/debian:latest');
    expect(familiarReference(ref)).toBe('debian:latest');
    expect(familiarName(ref)).toBe('debian');
  });

  it('adds no tag beside a digest', () => {
    expect(withDefaultTag(parseReference(`debian@${digest}`)).tag).toBeUndefined();
  });
});

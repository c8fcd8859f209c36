import { describe, expect, it } from 'vitest';
import { isGantryError } from '@gantry/errors';
import { resolveUser, userFileMaxBytes } from '../src/index.ts';

const passwd = `root:x:0:0:root:/root:/bin/sh
app:x:1000:1000:App:/home/app:/bin/sh
web:x:33:33::/var/www:/sbin/nologin
1001:x:0:0:a number for a name:/root:/bin/sh
homeless:x:44:44
broken:x:notanumber:0::/:/bin/sh
huge:x:4294967296:0::/:/bin/sh

`;
const group = `root:x:0:
wheel:x:10:root,app
app:x:1000:
docker:x:999:app
web:x:33:web
web2:x:33:web
1002:x:0:app
bad:x:-1:app
`;

describe('resolveUser', () => {
  it.each([
    ['', { uid: 0, gid: 0, additionalGids: [0, 10], home: '/root', name: 'root' }],
    ['root', { uid: 0, gid: 0, additionalGids: [0, 10], home: '/root', name: 'root' }],
    ['app', { uid: 1000, gid: 1000, additionalGids: [1000, 10, 999, 0], home: '/home/app', name: 'app' }],
    ['1000', { uid: 1000, gid: 1000, additionalGids: [1000, 10, 999, 0], home: '/home/app', name: 'app' }],
    ['app:wheel', { uid: 1000, gid: 10, additionalGids: [10], home: '/home/app', name: 'app' }],
    ['app:7', { uid: 1000, gid: 7, additionalGids: [7], home: '/home/app', name: 'app' }],
    ['5000', { uid: 5000, gid: 0, additionalGids: [0], home: '/' }],
    ['5000:6000', { uid: 5000, gid: 6000, additionalGids: [6000], home: '/' }],
    [':5', { uid: 0, gid: 5, additionalGids: [5], home: '/root', name: 'root' }],
    ['root:', { uid: 0, gid: 0, additionalGids: [0, 10], home: '/root', name: 'root' }],
    ['web', { uid: 33, gid: 33, additionalGids: [33], home: '/var/www', name: 'web' }],
    ['homeless', { uid: 44, gid: 44, additionalGids: [44], home: '/', name: 'homeless' }],
    ['2147483647:2147483647', { uid: 2147483647, gid: 2147483647, additionalGids: [2147483647], home: '/' }],
    ['0000000000000000001000', { uid: 1000, gid: 1000, additionalGids: [1000, 10, 999, 0], home: '/home/app', name: 'app' }],
  ])('%j', (spec, expected) => {
    expect(resolveUser(spec, passwd, group)).toEqual(expected);
  });

  it('never takes a number for a name, so that a passwd line can not make it root', () => {
    expect(resolveUser('1001', passwd, group)).toMatchObject({ uid: 1001, gid: 0, home: '/' });
    expect(resolveUser('app:1002', passwd, group)).toMatchObject({ gid: 1002, additionalGids: [1002] });
  });

  it('skips lines without valid numbers instead of reading them as 0', () => {
    for (const name of ['broken', 'huge']) expect(() => resolveUser(name, passwd, group)).toThrow(/unable to find user/);
    expect(resolveUser('app', passwd, group).additionalGids).not.toContain(-1);
  });

  it('adds groups by name and number, each once', () => {
    expect(resolveUser('app:wheel', passwd, group, ['docker', '77', 'wheel', '77']).additionalGids).toEqual([10, 999, 77]);
  });

  it.each([
    ['nosuch', [], 'user-not-found', 'unable to find user nosuch: no matching entries in passwd file'],
    ['0x10', [], 'user-not-found', 'unable to find user 0x10: no matching entries in passwd file'],
    ['1e3', [], 'user-not-found', 'unable to find user 1e3: no matching entries in passwd file'],
    [' 0', [], 'user-not-found', 'unable to find user  0: no matching entries in passwd file'],
    ['root:nosuch', [], 'group-not-found', 'unable to find group nosuch: no matching entries in group file'],
    ['root', ['nosuch'], 'group-not-found', 'Unable to find group nosuch: no matching entries in group file'],
    ['2147483648', [], 'id-out-of-range', 'uids and gids must be in range 0-2147483647'],
    ['4294967296', [], 'id-out-of-range', 'uids and gids must be in range 0-2147483647'],
    ['18446744073709551616', [], 'id-out-of-range', 'uids and gids must be in range 0-2147483647'],
    ['-1', [], 'id-out-of-range', 'uids and gids must be in range 0-2147483647'],
    ['+0', [], 'id-out-of-range', 'uids and gids must be in range 0-2147483647'],
    ['root:4294967296', [], 'id-out-of-range', 'uids and gids must be in range 0-2147483647'],
    ['root', ['2147483648'], 'id-out-of-range', 'uids and gids must be in range 0-2147483647'],
  ])('refuses %j with %j', (spec, add, code, message) => {
    expect(() => resolveUser(spec, passwd, group, add)).toThrow(expect.objectContaining({ kind: 'invalid', code, message }));
  });

  it('does without the files when numbers are given', () => {
    expect(resolveUser('12:13', '', '')).toEqual({ uid: 12, gid: 13, additionalGids: [13], home: '/' });
    expect(resolveUser('', '', '')).toEqual({ uid: 0, gid: 0, additionalGids: [0], home: '/' });
  });

  it('reads bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from('app:x:5:6::/h:/bin/sh')]);
    expect(resolveUser('app', bytes, '')).toMatchObject({ uid: 5, gid: 6, home: '/h' });
  });

  it('refuses a file past the limit', () => {
    const large = new Uint8Array(userFileMaxBytes + 1);
    for (const call of [() => resolveUser('app', large, ''), () => resolveUser('app', passwd, large)]) {
      let caught: unknown;
      try {
        call();
      } catch (error) {
        caught = error;
      }
      expect(isGantryError(caught) && [caught.kind, caught.code]).toEqual(['exhausted', 'user-file-too-large']);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { ATTR, MS, mountOptions } from '../../src/plan/mount-options.ts';

const nothing = { flags: 0, set: 0, clear: 0, recursiveAttributes: false, data: [] };

describe('mountOptions', () => {
  it.each([
    [[], nothing],
    [['defaults'], nothing],
    [['ro'], { ...nothing, flags: MS.RDONLY, set: ATTR.RDONLY }],
    [['rw'], { ...nothing, clear: ATTR.RDONLY }],
    [['ro', 'rw'], { ...nothing, clear: ATTR.RDONLY }],
    [['rw', 'ro'], { ...nothing, flags: MS.RDONLY, set: ATTR.RDONLY }],
    [['nosuid', 'noexec', 'nodev'], { ...nothing, flags: MS.NOSUID | MS.NOEXEC | MS.NODEV, set: ATTR.NOSUID | ATTR.NOEXEC | ATTR.NODEV }],
    [['nosuid', 'suid'], { ...nothing, clear: ATTR.NOSUID }],
    [['noatime'], { ...nothing, flags: MS.NOATIME, set: ATTR.NOATIME, clear: ATTR.ATIME_MASK }],
    [['noatime', 'strictatime'], { ...nothing, flags: MS.STRICTATIME, set: ATTR.STRICTATIME, clear: ATTR.ATIME_MASK }],
    [['strictatime', 'relatime'], { ...nothing, flags: MS.RELATIME, set: 0, clear: ATTR.ATIME_MASK }],
    [['nodiratime', 'nosymfollow'], { ...nothing, flags: MS.NODIRATIME | MS.NOSYMFOLLOW, set: ATTR.NODIRATIME | ATTR.NOSYMFOLLOW }],
    [['bind'], { ...nothing, bind: 'bind' }],
    [['bind', 'rbind'], { ...nothing, bind: 'rbind' }],
    [['rbind', 'bind'], { ...nothing, bind: 'rbind' }],
    [['rbind', 'rro'], { ...nothing, bind: 'rbind', flags: MS.RDONLY, set: ATTR.RDONLY, recursiveAttributes: true }],
    [['rnoatime', 'rro', 'rrw'], { ...nothing, flags: MS.NOATIME, set: ATTR.NOATIME, clear: ATTR.ATIME_MASK | ATTR.RDONLY, recursiveAttributes: true }],
    [['rslave', 'rprivate'], { ...nothing, propagation: 'rprivate' }],
    [['sync', 'dirsync', 'async'], { ...nothing, flags: MS.DIRSYNC }],
    [['lazytime', 'silent', 'mand', 'acl'], { ...nothing, flags: MS.LAZYTIME | MS.SILENT | MS.MANDLOCK, data: ['acl'] }],
    [['mode=755', 'nosuid', 'size=65536k'], { ...nothing, flags: MS.NOSUID, set: ATTR.NOSUID, data: ['mode=755', 'size=65536k'] }],
  ])('%j', (options, expected) => {
    expect(mountOptions(options, 'mounts[0].options')).toEqual(expected);
  });

  it.each([
    [['ro', ''], 'mounts[0].options[1]'],
    [['size=1,upperdir=/etc'], 'mounts[0].options[0]'],
    [['mode=7\0'], 'mounts[0].options[0]'],
    [['remount'], 'mounts[0].options[0]'],
    [['move'], 'mounts[0].options[0]'],
    [['rbind', 'ro', 'rnosuid'], 'mounts[0].options'],
  ])('refuses %j by its field', (options, field) => {
    expect(() => mountOptions(options, 'mounts[0].options')).toThrow(expect.objectContaining({ kind: 'invalid', code: 'spec-field-invalid', details: { field } }));
  });

  it.each(['idmap', 'ridmap', 'tmpcopyup'])('says that it has no %s mounts', (option) => {
    expect(() => mountOptions(['rbind', option], 'mounts[3].options')).toThrow(
      expect.objectContaining({ kind: 'notImplemented', code: 'mount-option-unsupported', details: { field: 'mounts[3].options[1]' } }),
    );
  });
});

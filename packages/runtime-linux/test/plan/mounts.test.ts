import { describe, expect, it } from 'vitest';
import { dockerMounts, type OciMount } from '@gantry/oci';
import { placeOf, type CgroupHost } from '../../src/cgroup/hierarchy.ts';
import { ATTR, MS } from '../../src/plan/mount-options.ts';
import { planMounts, rootPropagation, type MountContext } from '../../src/plan/mounts.ts';

const v1: CgroupHost = {
  mode: 'v1',
  v1: [
    { controllers: ['memory'], mount: '/sys/fs/cgroup/memory' },
    { controllers: ['cpu', 'cpuacct'], mount: '/sys/fs/cgroup/cpu,cpuacct' },
    { controllers: ['name=systemd'], mount: '/sys/fs/cgroup/systemd' },
  ],
  v2: { mount: '/sys/fs/cgroup/unified', controllers: ['hugetlb'] },
};
const v2: CgroupHost = { mode: 'v2', v1: [], v2: { mount: '/sys/fs/cgroup', controllers: ['memory'] } };

function context(host: CgroupHost = v1, ownCgroupNamespace = true): MountContext {
  return {
    sources: new Map([
      ['/data', { path: '/real/data', kind: 'dir' }],
      ['/etc/hosts', { path: '/etc/hosts', kind: 'file' }],
    ]),
    cgroup: placeOf(host, '/g/c'),
    ownCgroupNamespace,
  };
}

describe('planMounts', () => {
  it('makes filesystems from type, flags and data', () => {
    expect(planMounts(dockerMounts.filter(({ type }) => type !== 'cgroup'), context())).toEqual([
      { kind: 'fs', fstype: 'proc', source: 'proc', target: '/proc', flags: MS.NOSUID | MS.NOEXEC | MS.NODEV, data: '' },
      { kind: 'fs', fstype: 'tmpfs', source: 'tmpfs', target: '/dev', flags: MS.NOSUID | MS.STRICTATIME, data: 'mode=755,size=65536k' },
      { kind: 'fs', fstype: 'devpts', source: 'devpts', target: '/dev/pts', flags: MS.NOSUID | MS.NOEXEC, data: 'newinstance,ptmxmode=0666,mode=0620,gid=5' },
      { kind: 'fs', fstype: 'sysfs', source: 'sysfs', target: '/sys', flags: MS.NOSUID | MS.NOEXEC | MS.NODEV | MS.RDONLY, data: '' },
      { kind: 'fs', fstype: 'mqueue', source: 'mqueue', target: '/dev/mqueue', flags: MS.NOSUID | MS.NOEXEC | MS.NODEV, data: '' },
      { kind: 'fs', fstype: 'tmpfs', source: 'shm', target: '/dev/shm', flags: MS.NOSUID | MS.NOEXEC | MS.NODEV, data: 'mode=1777,size=65536k' },
    ]);
  });

  it.each<[OciMount, object]>([
    [{ destination: '/x', source: '/data', type: 'bind' }, { source: '/real/data', recursive: true, create: 'dir', set: 0, clear: 0, recursiveAttr: false }],
    [{ destination: '/x', source: '/data', options: ['bind'] }, { source: '/real/data', recursive: false, create: 'dir', set: 0, clear: 0, recursiveAttr: false }],
    [{ destination: '/x', source: '/data', type: 'none', options: ['rbind', 'ro'] }, { source: '/real/data', recursive: true, create: 'dir', set: ATTR.RDONLY, clear: 0, recursiveAttr: false }],
    [
      { destination: '/x//y/../', source: '/etc/hosts', type: 'bind', options: ['rbind', 'rro', 'rslave'] },
      { source: '/etc/hosts', recursive: true, create: 'file', set: ATTR.RDONLY, clear: 0, recursiveAttr: true, propagation: 'slave' },
    ],
    [{ destination: '/x', source: '/data', type: 'bind', options: ['rbind', 'rshared'] }, { source: '/real/data', recursive: true, create: 'dir', set: 0, clear: 0, recursiveAttr: false, propagation: 'shared' }],
  ])('bind %j', (mount, expected) => {
    expect(planMounts([mount], context())).toEqual([{ kind: 'bind', target: '/x', ...expected }]);
  });

  it.each<[OciMount, string]>([
    [{ destination: 'relative', type: 'tmpfs' }, 'mounts[0].destination'],
    [{ destination: '/', type: 'tmpfs' }, 'mounts[0].destination'],
    [{ destination: '/a/..', type: 'tmpfs' }, 'mounts[0].destination'],
    [{ destination: '/a\0b', type: 'tmpfs' }, 'mounts[0].destination'],
    [{ destination: '/proc', source: '/data', type: 'bind' }, 'mounts[0].destination'],
    [{ destination: '/proc/', type: 'tmpfs' }, 'mounts[0].destination'],
    [{ destination: '/proc/sys', source: '/data', type: 'bind' }, 'mounts[0].destination'],
    [{ destination: '/x/../proc/self', source: '/data', type: 'bind' }, 'mounts[0].destination'],
    [{ destination: '/x' }, 'mounts[0].type'],
    [{ destination: '/x', type: 'none' }, 'mounts[0].type'],
    [{ destination: '/x', type: 'tmp/fs' }, 'mounts[0].type'],
    [{ destination: '/x', type: 'bind' }, 'mounts[0].source'],
    [{ destination: '/x', type: 'bind', source: '/nowhere' }, 'mounts[0].source'],
    [{ destination: '/x', type: 'bind', source: 'data' }, 'mounts[0].source'],
    [{ destination: '/x', type: 'bind', source: '/data', options: ['rbind', 'size=4'] }, 'mounts[0].options'],
    [{ destination: '/x', type: 'tmpfs', options: ['rshared'] }, 'mounts[0].options'],
    [{ destination: '/x', type: 'tmpfs', options: [`mode=${'7'.repeat(5000)}`] }, 'mounts[0].options'],
  ])('refuses %j', (mount, field) => {
    expect(() => planMounts([mount], context())).toThrow(expect.objectContaining({ kind: 'invalid', details: expect.objectContaining({ field }) as object }));
  });

  it('lets a file be put over one of the known ones in /proc', () => {
    expect(planMounts([{ destination: '/proc/cpuinfo', type: 'bind', source: '/etc/hosts' }], context())).toHaveLength(1);
  });

  it('refuses more mounts than a spec can mean', () => {
    expect(() => planMounts(Array.from({ length: 1025 }, () => ({ destination: '/x', type: 'tmpfs' })), context())).toThrow(/at most 1024/);
  });
});

describe('cgroup mounts', () => {
  const fence = ATTR.RDONLY | ATTR.NOSUID | ATTR.NODEV | ATTR.NOEXEC;
  const mount = (options: readonly string[]): OciMount => ({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options });

  it.each([[['ro']], [['rw']], [[]]])('shows version 1 read-only whatever is asked: %j', (options) => {
    const mounts = planMounts([mount(options)], context());
    const binds = mounts.filter((m) => m.kind === 'bind');
    expect(binds.every((m) => m.set === fence)).toBe(true);
    expect(binds.map(({ source, target }) => [source, target])).toEqual([
      ['/sys/fs/cgroup/memory/g/c', '/sys/fs/cgroup/memory'],
      ['/sys/fs/cgroup/cpu,cpuacct/g/c', '/sys/fs/cgroup/cpu,cpuacct'],
      ['/sys/fs/cgroup/cpu,cpuacct/g/c', '/sys/fs/cgroup/cpu'],
      ['/sys/fs/cgroup/cpu,cpuacct/g/c', '/sys/fs/cgroup/cpuacct'],
      ['/sys/fs/cgroup/systemd/g/c', '/sys/fs/cgroup/systemd'],
      ['/sys/fs/cgroup/unified/g/c', '/sys/fs/cgroup/unified'],
      ['/sys/fs/cgroup', '/sys/fs/cgroup'],
    ]);
    expect(binds.at(-1)).toMatchObject({ inRoot: true, recursive: true });
  });

  it('mounts version 2 afresh in a namespace of its own, and only the own group without one', () => {
    expect(planMounts([mount(['ro'])], context(v2, true))).toEqual([
      { kind: 'fs', fstype: 'cgroup2', source: 'cgroup', target: '/sys/fs/cgroup', flags: MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC, data: '' },
    ]);
    expect(planMounts([mount(['ro'])], context(v2, false))).toEqual([{ kind: 'bind', source: '/sys/fs/cgroup/g/c', target: '/sys/fs/cgroup', recursive: false, create: 'dir', set: fence }]);
    expect(planMounts([mount(['rw'])], context(v2, false))).toMatchObject([{ set: fence & ~ATTR.RDONLY }]);
  });
});

describe('rootPropagation', () => {
  it.each([
    [undefined, 'private'],
    ['', 'private'],
    ['rprivate', 'private'],
    ['slave', 'slave'],
    ['rslave', 'slave'],
    ['rshared', 'shared'],
  ] as const)('%s', (value, expected) => {
    expect(rootPropagation(value)).toBe(expected);
  });

  it('refuses the rest', () => {
    expect(() => rootPropagation('unbindable')).toThrow(/linux\.rootfsPropagation/);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cgroupPath, controllerDir, parseHierarchies, placeOf } from '../../src/cgroup/hierarchy.ts';

const hybrid = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 master:2 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/lib/x,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
42 31 0:32 / /elsewhere/memory rw,relatime - cgroup cgroup rw,memory
43 31 0:39 / /sys/fs/cgroup/pids ro,relatime - cgroup cgroup rw,pids
44 31 0:40 / /a\\040b rw,relatime - cgroup cgroup rw,blkio
`;

describe('parseHierarchies', () => {
  it('finds version 1 with the unified hierarchy beside it, each once, writable ones only', () => {
    expect(parseHierarchies(hybrid, (mount) => (mount === '/sys/fs/cgroup/unified' ? 'hugetlb\n' : 'wrong'))).toEqual({
      mode: 'v1',
      v1: [
        { controllers: ['cpu', 'cpuacct'], mount: '/sys/fs/cgroup/cpu,cpuacct' },
        { controllers: ['memory'], mount: '/sys/fs/cgroup/memory' },
        { controllers: ['name=systemd'], mount: '/sys/fs/cgroup/systemd' },
        { controllers: ['blkio'], mount: '/a b' },
      ],
      v2: { mount: '/sys/fs/cgroup/unified', controllers: ['hugetlb'] },
    });
  });

  it('finds version 2 alone', () => {
    const unified = '30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n';
    expect(parseHierarchies(unified, () => 'cpuset cpu io memory hugetlb pids\n')).toEqual({
      mode: 'v2',
      v1: [],
      v2: { mount: '/sys/fs/cgroup', controllers: ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'] },
    });
  });

  it('counts systemd\'s own hierarchy beside version 2 as version 2', () => {
    const both = '30 23 0:26 / /c2 rw - cgroup2 cgroup2 rw\n31 23 0:27 / /c1 rw - cgroup cgroup rw,name=systemd\n';
    expect(parseHierarchies(both, () => 'memory')).toMatchObject({ mode: 'v2', v1: [] });
  });

  it('says what to do when there are none', () => {
    expect(() => parseHierarchies('1 0 8:1 / / rw - ext4 /dev/sda rw\n', () => '')).toThrow(expect.objectContaining({ kind: 'unavailable', code: 'cgroups-missing' }));
  });

  it('reads this machine', () => {
    const host = parseHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), (mount) => readFileSync(`${mount}/cgroup.controllers`, 'utf8'));
    expect(controllerDir(placeOf(host, ''), 'memory')).toBeDefined();
    expect(controllerDir(placeOf(host, ''), 'pids')).toBeDefined();
  });
});

describe('a place', () => {
  const host = parseHierarchies(hybrid, () => 'hugetlb');

  it('is one folder in each hierarchy', () => {
    expect(placeOf(host, '/g/c').dirs).toEqual([
      '/sys/fs/cgroup/cpu,cpuacct/g/c',
      '/sys/fs/cgroup/memory/g/c',
      '/sys/fs/cgroup/systemd/g/c',
      '/a b/g/c',
      '/sys/fs/cgroup/unified/g/c',
    ]);
  });

  it('knows which version holds a controller', () => {
    const place = placeOf(host, '/g/c');
    expect(controllerDir(place, 'cpuacct')).toEqual({ version: 1, dir: '/sys/fs/cgroup/cpu,cpuacct/g/c' });
    expect(controllerDir(place, 'hugetlb')).toEqual({ version: 2, dir: '/sys/fs/cgroup/unified/g/c' });
    expect(controllerDir(place, 'pids')).toBeUndefined();
  });
});

describe('cgroupPath', () => {
  it.each([
    ['batch', '/batch'],
    ['/batch//low/', '/batch/low'],
    ['a.slice', '/a.slice'],
  ])('%s', (given, path) => {
    expect(cgroupPath(given)).toBe(path);
  });

  it.each(['', '/', '..', '/a/../b', './a', 'a\0b', 'a\nb', `/${'x'.repeat(256)}`, '/a'.repeat(17)])('refuses %j', (given) => {
    expect(() => cgroupPath(given)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'cgroup-parent-invalid' }));
  });
});

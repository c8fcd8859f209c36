import { describe, expect, it } from 'vitest';
import { detectCgroups, type CgroupLayout } from '@gantry/linux';
import { cgroupHost, cgroupPath, controllerDir, placeOf } from '../../src/cgroup/hierarchy.ts';

const group = { root: '/', path: '/' };
const hybrid: CgroupLayout = {
  mode: 'hybrid',
  v1: [
    { controllers: ['cpu', 'cpuacct'], mountpoint: '/sys/fs/cgroup/cpu,cpuacct', ...group },
    { controllers: ['memory'], mountpoint: '/sys/fs/cgroup/memory', ...group },
    { controllers: [], name: 'systemd', mountpoint: '/sys/fs/cgroup/systemd', ...group },
  ],
  v2: { controllers: ['hugetlb'], mountpoint: '/sys/fs/cgroup/unified', ...group },
  systemd: false,
};

describe('cgroupHost', () => {
  it('takes version 1 with the unified hierarchy beside it', () => {
    expect(cgroupHost(hybrid)).toEqual({
      mode: 'v1',
      v1: [
        { controllers: ['cpu', 'cpuacct'], mount: '/sys/fs/cgroup/cpu,cpuacct' },
        { controllers: ['memory'], mount: '/sys/fs/cgroup/memory' },
        { controllers: ['name=systemd'], mount: '/sys/fs/cgroup/systemd' },
      ],
      v2: { mount: '/sys/fs/cgroup/unified', controllers: ['hugetlb'] },
    });
  });

  it('takes version 2 alone, also where systemd has a hierarchy of its own beside it', () => {
    const v2 = { controllers: ['cpu', 'memory'], mountpoint: '/sys/fs/cgroup', ...group };
    expect(cgroupHost({ mode: 'v2', v1: hybrid.v1.slice(2), v2, systemd: true })).toEqual({ mode: 'v2', v1: [], v2: { mount: '/sys/fs/cgroup', controllers: ['cpu', 'memory'] } });
  });

  it('says what to do when there are none', () => {
    expect(() => cgroupHost({ mode: 'none', v1: [], systemd: false })).toThrow(expect.objectContaining({ kind: 'unavailable', code: 'cgroups-missing' }));
  });

  it('knows this machine', async () => {
    const place = placeOf(cgroupHost(await detectCgroups()), '');
    expect(controllerDir(place, 'memory')).toBeDefined();
    expect(controllerDir(place, 'pids')).toBeDefined();
  });
});

describe('a place', () => {
  const host = cgroupHost(hybrid);

  it('is one folder in each hierarchy', () => {
    expect(placeOf(host, '/g/c').dirs).toEqual([
      '/sys/fs/cgroup/cpu,cpuacct/g/c',
      '/sys/fs/cgroup/memory/g/c',
      '/sys/fs/cgroup/systemd/g/c',
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

import { describe, expect, it } from 'vitest';
import { cgroupFolder, detectCgroups, parseCgroups, type CgroupLayout, type CgroupSources } from '../src/cgroups.ts';

const unified: CgroupSources = {
  systemd: true,
  cgroup: '0::/system.slice/gantryd.service\n',
  unifiedControllers: 'cpuset cpu io memory hugetlb pids\n',
  mountinfo: '29 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n',
};

const hybrid: CgroupSources = {
  systemd: true,
  cgroup: '5:cpu,cpuacct:/user.slice\n4:memory:/user.slice/x\n1:name=systemd:/user.slice/session.scope\n0::/user.slice/session.scope\n',
  unifiedControllers: '',
  mountinfo: [
    '25 18 0:22 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755',
    '26 25 0:23 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw',
    '27 25 0:24 / /sys/fs/cgroup/systemd rw,nosuid shared:11 - cgroup cgroup rw,xattr,name=systemd',
    '30 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct',
    '31 25 0:28 / /sys/fs/cgroup/memory rw shared:13 - cgroup cgroup rw,memory',
    '',
  ].join('\n'),
};

const legacy: CgroupSources = {
  systemd: false,
  cgroup: '3:pids:/\n2:memory:/a\n1:freezer:/elsewhere\n',
  mountinfo: '31 25 0:28 / /cg\\040roups/memory rw - cgroup cgroup rw,memory\n32 25 0:29 / /cg\\040roups/pids rw - cgroup none rw,pids\n',
};

/** Inside a container with a cgroup namespace of its own, and one without. */
const contained: CgroupSources = {
  systemd: false,
  cgroup: '2:memory:/docker/abc\n',
  mountinfo: '31 25 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n',
};

const table: readonly (readonly [string, CgroupSources, CgroupLayout])[] = [
  [
    'version 2 alone, under systemd',
    unified,
    { mode: 'v2', v1: [], systemd: true, v2: { controllers: ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'], mountpoint: '/sys/fs/cgroup', root: '/', path: '/system.slice/gantryd.service' } },
  ],
  [
    'both',
    hybrid,
    {
      mode: 'hybrid',
      systemd: true,
      v1: [
        { controllers: ['cpu', 'cpuacct'], mountpoint: '/sys/fs/cgroup/cpu,cpuacct', root: '/', path: '/user.slice' },
        { controllers: ['memory'], mountpoint: '/sys/fs/cgroup/memory', root: '/', path: '/user.slice/x' },
        { controllers: [], name: 'systemd', mountpoint: '/sys/fs/cgroup/systemd', root: '/', path: '/user.slice/session.scope' },
      ],
      v2: { controllers: [], mountpoint: '/sys/fs/cgroup/unified', root: '/', path: '/user.slice/session.scope' },
    },
  ],
  [
    'version 1 alone; what is mounted nowhere is left out, and names are unescaped',
    legacy,
    {
      mode: 'v1',
      systemd: false,
      v1: [
        { controllers: ['pids'], mountpoint: '/cg roups/pids', root: '/', path: '/' },
        { controllers: ['memory'], mountpoint: '/cg roups/memory', root: '/', path: '/a' },
      ],
    },
  ],
  ['a part of a hierarchy', contained, { mode: 'v1', systemd: false, v1: [{ controllers: ['memory'], mountpoint: '/sys/fs/cgroup/memory', root: '/docker/abc', path: '/docker/abc' }] }],
  ['nothing', { systemd: false, mountinfo: '22 1 0:20 / /proc rw - proc proc rw\n', cgroup: '0::/\n' }, { mode: 'none', v1: [], systemd: false }],
  ['only a named hierarchy beside version 2', { ...unified, cgroup: `${unified.cgroup}1:name=x:/\n`, mountinfo: `${unified.mountinfo}33 1 0:9 / /x rw - cgroup x rw,name=x\n` }, { mode: 'v2', systemd: true, v1: [{ controllers: [], name: 'x', mountpoint: '/x', root: '/', path: '/' }], v2: { controllers: ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'], mountpoint: '/sys/fs/cgroup', root: '/', path: '/system.slice/gantryd.service' } }],
  ['lines of no meaning', { systemd: false, mountinfo: '\n - \nx\n1 2 3 - cgroup\n - cgroup2 x y\n', cgroup: '\nx\n::\n0:\n1::relative\n' }, { mode: 'none', v1: [], systemd: false }],
];

describe('the layout of control groups', () => {
  it.each(table)('%s', (_, sources, layout) => {
    expect(parseCgroups(sources)).toEqual(layout);
  });

  it('of this machine can be told', async () => {
    const layout = await detectCgroups();
    expect(['v1', 'v2', 'hybrid', 'none']).toContain(layout.mode);
    for (const hierarchy of layout.v1) expect(hierarchy.mountpoint.startsWith('/')).toBe(true);
  });
});

describe('the folder of a group', () => {
  it.each([
    ['/', '/', '/sys/fs/cgroup'],
    ['/', '/a/b', '/sys/fs/cgroup/a/b'],
    ['/docker/abc', '/docker/abc', '/sys/fs/cgroup'],
    ['/docker/abc', '/docker/abc/inner', '/sys/fs/cgroup/inner'],
    ['/docker/abc', '/docker', undefined],
    ['/docker/abc', '/other', undefined],
    ['/a', '/..', undefined],
    ['/a', '/a/..b', '/sys/fs/cgroup/..b'],
  ])('below the root %s: %s', (root, path, folder) => {
    expect(cgroupFolder({ mountpoint: '/sys/fs/cgroup', root }, path)).toBe(folder);
  });
});

import { describe, expect, it } from 'vitest';
import type { OciMount, OciSpec } from '@gantry/oci';
import { resolveConfig } from '../src/config/resolve.ts';
import { buildSpec, sandboxNamespaces } from '../src/spec/build-spec.ts';
import { environment } from '../src/spec/env.ts';
import type { CreateContainer } from '../src/index.ts';

const facts = { cpus: 2, cgroup: 'v1', swapLimit: true, runtimes: ['linux'], defaultRuntime: 'linux', logs: ['json-file'], defaultLog: 'json-file' } as const;
const user = { uid: 0, gid: 0, additionalGids: [0], home: '/root' };

function spec(request: Partial<CreateContainer>, over: { user?: typeof user } = {}): { spec: OciSpec; seccomp: string } {
  const { config } = resolveConfig({ image: 'x', cmd: ['prog', 'arg'], ...request }, {}, facts);
  return buildSpec({
    config, hostname: 'box', user: over.user ?? user,
    files: { hosts: '/f/hosts', hostname: '/f/hostname', resolvConf: '/f/resolv.conf' },
    devices: [{ node: { path: '/dev/fuse', type: 'c', major: 10, minor: 229 }, access: 'rw' }],
    blockDevices: new Map([['/dev/sda', { major: 8, minor: 0 }]]),
    machine: { cpus: 2, arch: 'amd64', kernel: '6.18.0' },
  });
}

const mount = (s: OciSpec, path: string): OciMount | undefined => s.mounts?.find(({ destination }) => destination === path);

describe('a spec', () => {
  it('of a plain container is Docker\'s', () => {
    const { spec: s, seccomp } = spec({});
    expect(seccomp).toBe('default');
    expect(s).toMatchObject({
      ociVersion: '1.2.0', hostname: 'box', root: { readonly: false },
      process: {
        args: ['prog', 'arg'], cwd: '/', terminal: false, noNewPrivileges: false, oomScoreAdj: 0,
        env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOSTNAME=box', 'HOME=/root'],
        user: { uid: 0, gid: 0, additionalGids: [0] },
        capabilities: { inheritable: [], ambient: [] },
      },
      linux: { namespaces: ['mount', 'pid', 'network', 'ipc', 'uts', 'cgroup'].map((type) => ({ type })), readonlyPaths: expect.arrayContaining(['/proc/sys']) as string[] },
    });
    expect(s.process?.capabilities?.bounding).toHaveLength(14);
    expect(s.process?.capabilities?.effective).toEqual(s.process?.capabilities?.bounding);
    expect(s.linux?.seccomp).toBeUndefined();
    expect(s.linux?.resources?.devices?.[0]).toEqual({ allow: false, access: 'rwm' });
    expect(s.linux?.resources?.devices?.at(-1)).toEqual({ allow: true, type: 'c', major: 10, minor: 229, access: 'rw' });
    expect(s.linux?.resources).not.toHaveProperty('memory');
    expect(s.linux?.maskedPaths).toContain('/sys/devices/system/cpu/cpu1/thermal_throttle');
    expect(s.mounts?.map(({ destination }) => destination)).toEqual(['/proc', '/dev', '/dev/pts', '/sys', '/sys/fs/cgroup', '/dev/mqueue', '/dev/shm', '/etc/resolv.conf', '/etc/hostname', '/etc/hosts']);
    expect(mount(s, '/etc/hosts')).toEqual({ destination: '/etc/hosts', type: 'bind', source: '/f/hosts', options: ['rbind', 'rprivate', 'rw'] });
  });

  it('gives a user that is not root no capabilities but the bounding set', () => {
    const { spec: s } = spec({}, { user: { ...user, uid: 33, gid: 33 } });
    expect(s.process?.capabilities).toMatchObject({ effective: [], permitted: [], inheritable: [], ambient: [] });
    expect(s.process?.capabilities?.bounding).toHaveLength(14);
  });

  it('of a privileged container has no walls', () => {
    const { spec: s, seccomp } = spec({ security: { privileged: true } });
    expect(seccomp).toBe('unconfined');
    expect(s.process?.capabilities?.effective).toHaveLength(41);
    expect(s.linux).toMatchObject({ maskedPaths: [], readonlyPaths: [], resources: { devices: [{ allow: true, access: 'rwm' }] } });
    expect(mount(s, '/sys')?.options).toContain('rw');
    expect(mount(s, '/sys')?.options).not.toContain('ro');
  });

  it('carries limits', () => {
    const { spec: s } = spec({
      resources: {
        memory: 64e6, memoryReservation: 32e6, memorySwappiness: 10, nanoCpus: 1.5e9, cpuShares: 512, cpusetCpus: '0', pidsLimit: 100, blkioWeight: 500,
        blkioReadBps: [{ path: '/dev/sda', rate: 1000 }], ulimits: [{ name: 'nofile', soft: 10, hard: -1 }], oomScoreAdj: 7,
      },
      security: { sysctls: { 'net.core.somaxconn': '5' }, deviceRules: ['c 7:* r'] },
    });
    expect(s.linux?.resources).toMatchObject({
      memory: { limit: 64e6, swap: 128e6, reservation: 32e6, swappiness: 10 },
      cpu: { quota: 150_000, period: 100_000, shares: 512, cpus: '0' },
      pids: { limit: 100 },
      blockIO: { weight: 500, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }] },
    });
    expect(s.linux?.resources?.devices?.at(-1)).toEqual({ allow: true, type: 'c', major: 7, access: 'r' });
    expect(s.process?.rlimits).toEqual([{ type: 'RLIMIT_NOFILE', soft: 10, hard: -1 }]);
    expect(s.process?.oomScoreAdj).toBe(7);
    expect(s.linux?.sysctl).toEqual({ 'net.core.somaxconn': '5' });
  });

  it.each<[request: Partial<CreateContainer>, namespaces: string[]]>([
    [{}, ['pid', 'net', 'ipc', 'uts', 'cgroup']],
    [{ network: { mode: 'host' } }, ['pid', 'ipc', 'uts', 'cgroup']],
    [{ networkDisabled: true }, ['pid', 'net', 'ipc', 'uts', 'cgroup']],
    [{ namespaces: { pid: 'host', ipc: 'host', uts: 'host', cgroup: 'host' } }, ['net']],
  ])('has the namespaces of %j', (request, namespaces) => {
    expect(sandboxNamespaces(resolveConfig({ image: 'x', cmd: ['p'], ...request }, {}, facts).config)).toEqual(namespaces);
  });

  it('has the mounts that were asked for', () => {
    const { spec: s } = spec({ filesystem: { readonlyRoot: true, shmSize: 1e6, tmpfs: { '/run/x': 'size=1m', '/run': '' } } });
    expect(mount(s, '/dev/shm')?.options).toContain('size=1000000');
    expect(mount(s, '/etc/hosts')?.options).toContain('ro');
    const order = s.mounts?.map(({ destination }) => destination) ?? [];
    expect(order.indexOf('/run')).toBeLessThan(order.indexOf('/run/x'));
    expect(mount(spec({ filesystem: { tmpfs: { '/dev/shm': 'size=5m' } } }).spec, '/dev/shm')).toMatchObject({ type: 'tmpfs', options: ['noexec', 'nosuid', 'nodev', 'size=5m'] });
    expect(mount(spec({ namespaces: { ipc: 'none' } }).spec, '/dev/shm')).toBeUndefined();
    expect(mount(spec({ namespaces: { ipc: 'host' } }).spec, '/dev/shm')).toMatchObject({ type: 'bind', source: '/dev/shm' });
  });

  it('has no hostname where the host\'s is shared', () => {
    expect(spec({ namespaces: { uts: 'host' } }).spec).not.toHaveProperty('hostname');
    expect(spec({ domainname: 'test' }).spec.domainname).toBe('test');
  });

  it('brings a custom seccomp profile along, and says when there is none', () => {
    expect(spec({ security: { options: ['seccomp=unconfined', 'no-new-privileges'] } })).toMatchObject({ seccomp: 'unconfined', spec: { process: { noNewPrivileges: true } } });
    const custom = spec({ security: { options: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}'] } });
    expect(custom.spec.linux?.seccomp).toEqual({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO' }] });
  });
});

describe('an environment', () => {
  it.each<[env: string[], terminal: boolean, expected: string[]]>([
    [['PATH=/x', 'TERM=dumb'], true, ['PATH=/x', 'HOSTNAME=h', 'TERM=dumb', 'HOME=/home/u']],
    [['A=1', 'A=2', 'HOME=/else'], false, ['PATH=', 'HOSTNAME=h', 'A=2', 'HOME=/else']],
    [['HOME', 'PATH'], false, ['HOSTNAME=h']],
    [['E=a=b'], true, ['PATH=', 'HOSTNAME=h', 'TERM=xterm', 'E=a=b', 'HOME=/home/u']],
  ])('%j', (env, terminal, expected) => {
    const made = environment({ env, hostname: 'h', terminal, home: '/home/u' });
    expect(made.map((entry) => (entry.startsWith('PATH=/usr') ? 'PATH=' : entry))).toEqual(expected);
  });
});

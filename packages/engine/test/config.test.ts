import { describe, expect, it } from 'vitest';
import { capabilitiesOf } from '../src/config/capabilities.ts';
import { resolveConfig, type EngineFacts } from '../src/config/resolve.ts';
import { parseSeccomp, resolveSeccomp } from '../src/config/seccomp-profile.ts';
import { signalNumber } from '../src/config/signals.ts';
import { tmpfsOptions } from '../src/config/tmpfs.ts';
import { DetachKeys, parseDetachKeys } from '../src/containers/detach-keys.ts';
import { hostsFile, resolvConf } from '../src/containers/network-files.ts';
import { parseName, randomName } from '../src/containers/names.ts';
import type { ContainerConfig, CreateContainer } from '../src/index.ts';

const facts: EngineFacts = { cpus: 4, cgroup: 'v1', swapLimit: true, runtimes: ['linux'], defaultRuntime: 'linux', logs: ['json-file'], defaultLog: 'json-file' };
const image = { Cmd: ['sh'], Env: ['PATH=/bin', 'A=image', 'broken', '=x'], Labels: { a: 'image', b: 'image' }, ExposedPorts: { '80': {} } };

function resolve(request: Partial<CreateContainer>, from: object = image, over: Partial<EngineFacts> = {}): ContainerConfig {
  return resolveConfig({ image: 'x', ...request }, from, { ...facts, ...over }).config;
}

function warningsOf(request: Partial<CreateContainer>, from: object = image, over: Partial<EngineFacts> = {}): readonly string[] {
  return resolveConfig({ image: 'x', ...request }, from, { ...facts, ...over }).warnings;
}

describe('a configuration', () => {
  it('is filled in from the image and from defaults', () => {
    expect(resolve({ env: ['A=mine', 'B'], labels: { b: 'mine' }, exposedPorts: ['53/udp', '8000-8002'] })).toMatchObject({
      entrypoint: null, cmd: ['sh'],
      env: ['A=mine', 'B', 'PATH=/bin'],
      labels: { a: 'image', b: 'mine' },
      exposedPorts: ['53/udp', '8000-8002/tcp', '80/tcp'],
      namespaces: { ipc: 'private', pid: 'private', uts: 'private', cgroup: 'private' },
      network: { mode: 'default' },
      restart: { name: 'no', maximumRetryCount: 0 },
      log: { driver: 'json-file', options: {} },
      filesystem: { shmSize: 67108864, readonlyRoot: false },
      resources: { memory: 0, memorySwap: 0, pidsLimit: null },
      autoRemove: false, runtime: 'linux',
    });
  });

  it.each<[given: Partial<CreateContainer>, from: object, entrypoint: readonly string[] | null, cmd: readonly string[] | null]>([
    [{}, { Entrypoint: ['e'], Cmd: ['c'] }, ['e'], ['c']],
    [{ cmd: ['x'] }, { Entrypoint: ['e'], Cmd: ['c'] }, ['e'], ['x']],
    [{ entrypoint: ['n'] }, { Entrypoint: ['e'], Cmd: ['c'] }, ['n'], null],
    [{ entrypoint: [''], cmd: ['x'] }, { Entrypoint: ['e'], Cmd: ['c'] }, null, ['x']],
    [{ entrypoint: [] }, { Entrypoint: ['e'], Cmd: ['c'] }, [], ['c']],
  ])('takes the command of %j over %j', (given, from, entrypoint, cmd) => {
    expect(resolve(given, from)).toMatchObject({ entrypoint, cmd });
  });

  it('lets a container swap as much as it may hold, where the kernel counts swap', () => {
    expect(resolve({ resources: { memory: 64e6 } }).resources.memorySwap).toBe(128e6);
    expect(resolve({ resources: { memory: 64e6 } }, image, { swapLimit: false }).resources.memorySwap).toBe(-1);
    expect(warningsOf({ resources: { memory: 64e6, memorySwap: 65e6 } }, image, { swapLimit: false })).toEqual([expect.stringContaining('swap limit')]);
  });

  it.each<[what: string, request: Partial<CreateContainer>, message: string | RegExp]>([
    ['no command', { entrypoint: [''] }, 'no command specified'],
    ['memory', { resources: { memory: 1024 } }, 'Minimum memory limit allowed is 6MB'],
    ['swap alone', { resources: { memorySwap: 1e9 } }, 'You should always set the Memory limit when using Memoryswap limit, see usage'],
    ['swap below memory', { resources: { memory: 64e6, memorySwap: 32e6 } }, 'Minimum memoryswap limit should be larger than memory limit, see usage'],
    ['reservation', { resources: { memory: 64e6, memoryReservation: 65e6 } }, 'Minimum memory limit can not be less than memory reservation limit, see usage'],
    ['swappiness', { resources: { memorySwappiness: 101 } }, 'valid memory swappiness range is 0-100'],
    ['cpus', { resources: { nanoCpus: 5e9 } }, 'Range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available'],
    ['cpus and quota', { resources: { nanoCpus: 1e9, cpuQuota: 5000 } }, 'Nano CPUs and CPU Quota cannot both be set'],
    ['period', { resources: { cpuPeriod: 10 } }, 'CPU cfs period can not be less than 1ms'],
    ['quota', { resources: { cpuQuota: 10 } }, 'CPU cfs quota can not be less than 1ms'],
    ['cpuset', { resources: { cpusetCpus: '0-9' } }, 'Requested CPUs are not available - requested 0-9, available: 0-3'],
    ['cpuset text', { resources: { cpusetCpus: '3-1' } }, 'Invalid value 3-1 for cpusetCpus'],
    ['blkio', { resources: { blkioWeight: 5 } }, 'Range of blkio weight is from 10 to 1000'],
    ['oom score', { resources: { oomScoreAdj: 2000 } }, 'Invalid value 2000, range for oom score adj is [-1000, 1000]'],
    ['ulimit', { resources: { ulimits: [{ name: 'nofile', soft: 5, hard: 3 }] } }, 'ulimit soft limit must be less than or equal to hard limit: 5 > 3'],
    ['ulimit name', { resources: { ulimits: [{ name: 'files', soft: 1, hard: 1 }] } }, 'invalid ulimit type: files'],
    ['cgroup parent', { resources: { cgroupParent: '/a/../../b' } }, 'invalid cgroup parent'],
    ['capability', { security: { capAdd: ['NOPE'] } }, 'invalid CapAdd: unknown capability: "CAP_NOPE"'],
    ['security option', { security: { options: ['bogus'] } }, 'invalid --security-opt: "bogus"'],
    ['seccomp', { security: { options: ['seccomp={'] } }, 'decoding seccomp profile failed'],
    ['sysctl', { security: { sysctls: { 'kernel.core_pattern': 'x' } } }, "sysctl 'kernel.core_pattern' is not allowed"],
    ['sysctl of the host network', { network: { mode: 'host' }, security: { sysctls: { 'net.ipv4.ip_forward': '1' } } }, "sysctl 'net.ipv4.ip_forward' not allowed in host network"],
    ['masked path', { security: { maskedPaths: ['proc'] } }, 'is not absolute'],
    ['device', { security: { devices: [{ hostPath: '/dev/fuse', containerPath: '', access: 'x' }] } }, 'invalid device mode'],
    ['device rule', { security: { deviceRules: ['c 1:3'] } }, 'invalid device cgroup rule format'],
    ['working folder', { workingDir: 'relative' }, "the working directory 'relative' is invalid, it needs to be an absolute path"],
    ['environment', { env: ['=x'] }, 'invalid environment variable: "=x"'],
    ['hostname', { hostname: 'a b' }, 'invalid hostname format'],
    ['hostname of the host', { hostname: 'x', namespaces: { uts: 'host' } }, 'conflicting options: hostname and the UTS mode'],
    ['stop signal', { stopSignal: 'SIGNOPE' }, 'invalid signal: SIGNOPE'],
    ['namespace', { namespaces: { ipc: 'weird' } }, 'invalid IPC mode: weird'],
    ['tmpfs', { filesystem: { tmpfs: { '/run': 'size=oops' } } }, 'invalid tmpfs option "size=oops" for /run'],
    ['tmpfs root', { filesystem: { tmpfs: { '/a/..': '' } } }, "the container's root cannot be a tmpfs"],
    ['dns', { network: { dns: ['nope'] } }, 'nope is not an ip address'],
    ['dns search', { network: { dnsSearch: ['a\nnameserver 1.1.1.1'] } }, 'invalid DNS domain'],
    ['extra host', { network: { extraHosts: ['x'] } }, 'bad format for add-host: "x"'],
    ['extra host address', { network: { extraHosts: ['x:y'] } }, 'invalid IP address in add-host: "y"'],
    ['restart policy', { restart: { name: 'sometimes' } }, "unknown policy 'sometimes'"],
    ['restart count', { restart: { name: 'always', maximumRetryCount: 2 } }, "maximum retry count can only be used with 'on-failure'"],
    ['autoRemove', { autoRemove: true, restart: { name: 'always' } }, "can't create 'AutoRemove' container with restart policy"],
    ['log driver', { log: { driver: 'syslog' } }, "no log driver named 'syslog' is registered"],
    ['runtime', { runtime: 'kata' }, 'unknown or invalid runtime name: kata'],
    ['port', { exposedPorts: ['99999/tcp'] }, 'invalid port specification'],
  ])('refuses a wrong %s', (_what, request, message) => {
    expect(() => resolve(request)).toThrow(message);
    expect(() => resolve(request)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  it.each<[what: string, request: Partial<CreateContainer>]>([
    ['bind mounts', { notYet: { binds: ['/a:/b'] } }],
    ['mounts', { notYet: { mounts: [{ Target: '/x' }] } }],
    ['published ports', { notYet: { ports: { '80/tcp': [{ hostIp: '', hostPort: '80' }] } } }],
    ['published ports', { notYet: { publishAll: true } }],
    ['links', { notYet: { links: ['a:b'] } }],
    ['an init process', { notYet: { init: true } }],
    ['storage options', { notYet: { storageOptions: { size: '1g' } } }],
    ['user namespace mode', { notYet: { userns: 'remap' } }],
    ['volumes', { volumes: ['/data'] }],
    ['health checks', { healthcheck: { Test: ['CMD', 'true'] } }],
    ['health checks', { healthcheck: { Interval: 5 } }],
    ['the network "mine"', { network: { mode: 'mine' } }],
    ['IPC namespace of another container', { namespaces: { ipc: 'container:x' } }],
    ['networks and their settings', { notYet: { endpoints: { default: { Aliases: ['x'] } } } }],
    ['networks and their settings', { notYet: { endpoints: { other: {} } } }],
    ['host-gateway', { network: { extraHosts: ['h:host-gateway'] } }],
  ])('refuses %s by name: %j', (what, request) => {
    expect(() => resolve(request)).toThrow(expect.objectContaining({ kind: 'notImplemented', code: 'not-yet', message: expect.stringContaining(what) as string }));
  });

  it('takes the empty values that clients always send', () => {
    resolve({
      healthcheck: { Test: ['NONE'] },
      volumes: [],
      notYet: { binds: [], mounts: [], ports: {}, publishAll: false, links: [], init: false, deviceRequests: [], storageOptions: {}, userns: '', macAddress: '', volumeDriver: '', volumesFrom: [], endpoints: { default: { IPAMConfig: null, Links: null, Aliases: [], MacAddress: '', GwPriority: 0 } } },
    });
  });

  it('warns of what is kept and not acted on', () => {
    expect(warningsOf({ restart: { name: 'always' } })).toEqual([expect.stringContaining('restart policy')]);
    expect(warningsOf({}, { ...image, Volumes: { '/data': {} }, Healthcheck: { Test: ['CMD', 'x'] } })).toEqual([expect.stringContaining('health check'), expect.stringContaining('/data')]);
    expect(warningsOf({ resources: { memorySwappiness: 10, oomKillDisable: true } }, image, { cgroup: 'v2' })).toHaveLength(2);
  });
});

describe('capabilities', () => {
  const names = (o: object): readonly string[] => capabilitiesOf({ privileged: false, capAdd: [], capDrop: [], ...o });
  it('are added and dropped as Docker does', () => {
    expect(names({})).toHaveLength(14);
    expect(names({ capAdd: ['sys_admin'], capDrop: ['CAP_CHOWN'] })).toEqual(expect.arrayContaining(['CAP_SYS_ADMIN']));
    expect(names({ capDrop: ['CHOWN'] })).not.toContain('CAP_CHOWN');
    expect(names({ capDrop: ['ALL'], capAdd: ['NET_RAW'] })).toEqual(['CAP_NET_RAW']);
    expect(names({ capAdd: ['ALL'], capDrop: ['SYS_ADMIN'] })).toHaveLength(40);
    expect(names({ privileged: true, capDrop: ['ALL'] })).toHaveLength(41);
  });
});

describe('a seccomp profile', () => {
  const profile = {
    defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1,
    archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }, { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: null }],
    syscalls: [
      { names: ['read'], action: 'SCMP_ACT_ALLOW' },
      { name: 'old', action: 'SCMP_ACT_ALLOW', args: null },
      { names: ['mount'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['clone'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 'MAX', valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }], excludes: { caps: ['CAP_SYS_ADMIN'], arches: ['s390x'] } },
      { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '4.8' } },
      { names: ['arm_only'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['arm64'] } },
    ],
  };
  // The number must reach the parser as it is written.
  const text = JSON.stringify(profile).replace('"MAX"', '18446744073709551615');

  it('is resolved for a container and a machine', () => {
    const resolved = resolveSeccomp(parseSeccomp(text), { capabilities: [], arch: 'amd64', kernel: '6.18.3-x' });
    expect(resolved).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1, architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'] });
    expect(resolved.syscalls?.flatMap(({ names }) => names)).toEqual(['read', 'old', 'clone', 'ptrace']);
    expect(resolved.syscalls?.[2]?.args?.[0]?.value).toBe(18446744073709551615n);
    expect(resolveSeccomp(parseSeccomp(text), { capabilities: ['CAP_SYS_ADMIN'], arch: 'arm64', kernel: '4.4.0' }).syscalls?.flatMap(({ names }) => names)).toEqual(['read', 'old', 'mount', 'arm_only']);
  });

  it.each(['[]', '{"defaultAction":"NO"}', '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":"x","action":"SCMP_ACT_ALLOW"}]}', 'x'.repeat(1024 * 1024 + 1)])('is refused where it is none: %.40s', (bad) => {
    expect(() => parseSeccomp(bad)).toThrow('decoding seccomp profile failed');
  });
});

describe('signals', () => {
  it.each([['SIGTERM', 15], ['term', 15], ['9', 9], ['RTMIN+3', 37], ['SIGRTMAX-1', 63], ['RTMIN', 34]])('%s is %d', (text, number) => {
    expect(signalNumber(text)).toBe(number);
  });
  it.each(['', '0', '65', 'RTMIN-1', 'RTMAX+1', 'RTMIN+40', 'NOPE', '-1'])('%j is none', (text) => {
    expect(() => signalNumber(text)).toThrow('invalid signal');
  });
});

describe('names', () => {
  it('are checked, and made from two words', () => {
    expect(parseName('/web-1')).toBe('web-1');
    for (const bad of ['', '/', 'a', '-a', 'a/b', '../x', 'a b']) expect(() => parseName(bad)).toThrow('only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed');
    expect(parseName(randomName(() => false))).toMatch(/^[a-z]+_[a-z]+$/);
    let asked = 0;
    expect(randomName(() => ++asked < 8)).toMatch(/^[a-z]+_[a-z]+\d+$/);
  });
});

describe('tmpfs options', () => {
  it.each([['', ['noexec', 'nosuid', 'nodev']], ['exec,size=64m', ['nosuid', 'nodev', 'exec', 'size=64m']], ['rw,mode=1777,uid=5', ['noexec', 'nosuid', 'nodev', 'rw', 'mode=1777', 'uid=5']]])('%j', (text, options) => {
    expect(tmpfsOptions('/run', text)).toEqual(options);
  });
});

describe('detach keys', () => {
  it.each([[undefined, [16, 17]], ['ctrl-a,x', [1, 120]], ['ctrl-@,ctrl-[,ctrl-_', [0, 27, 31]]])('%j', (text, bytes) => {
    expect([...parseDetachKeys(text)]).toEqual(bytes);
  });
  it.each(['ctrl-', 'ctrl-1', 'ab', 'ctrl-p,'])('%j are none', (text) => {
    expect(() => parseDetachKeys(text)).toThrow('Invalid detach keys');
  });
  it('are found over chunks, and what only began like them goes on', () => {
    const keys = new DetachKeys(Uint8Array.of(16, 17));
    expect(keys.feed(Uint8Array.of(1, 16))).toEqual({ data: Uint8Array.of(1), detach: false });
    expect(keys.feed(Uint8Array.of(16, 2))).toEqual({ data: Uint8Array.of(16, 16, 2), detach: false });
    expect(keys.feed(Uint8Array.of(16))).toEqual({ data: Uint8Array.of(), detach: false });
    expect(keys.flush()).toEqual(Uint8Array.of(16));
    expect(keys.feed(Uint8Array.of(3, 16, 17, 4))).toEqual({ data: Uint8Array.of(3), detach: true });
  });
});

describe('files of the network', () => {
  const network = { mode: 'none', dns: [], dnsSearch: [], dnsOptions: [], extraHosts: [] } as const;
  it('are the machine\'s with its network', () => {
    expect(hostsFile({ ...network, mode: 'host', extraHosts: ['v6:[2001:db8::1]'] }, 'h', '127.0.0.1 vm')).toBe('127.0.0.1 vm\n2001:db8::1\tv6\n');
    expect(hostsFile(network, 'h', 'unused')).not.toContain('h\n127');
  });
  it('take from the machine what was not asked for', () => {
    const machine = 'nameserver 192.0.2.53\nsearch corp.test\noptions ndots:2\n';
    expect(resolvConf(network, machine)).toBe(machine);
    expect(resolvConf({ ...network, dns: ['192.0.2.1'] }, machine)).toBe('nameserver 192.0.2.1\nsearch corp.test\noptions ndots:2\n');
    expect(resolvConf({ ...network, dnsSearch: ['.'], dnsOptions: ['ndots:1'] }, machine)).toBe('nameserver 192.0.2.53\noptions ndots:1\n');
  });
});

import { describe, expect, it } from 'vitest';
import type { OciLinux, OciNamespaceType, OciSpec } from '@gantry/oci';
import { placeOf } from '../../src/cgroup/hierarchy.ts';
import { planDevices } from '../../src/plan/devices.ts';
import { planContainer, type PlanContext } from '../../src/plan/plan.ts';
import { planRoot } from '../../src/plan/root.ts';

const context: PlanContext = {
  root: { path: '/r' },
  own: new Set<OciNamespaceType>(['mount', 'pid', 'network', 'ipc', 'uts', 'cgroup']),
  sandbox: { hostname: 'from-sandbox', sysctls: { 'net.ipv4.ip_forward': '0', 'kernel.msgmax': '8192' } },
  sources: new Map(),
  cgroup: placeOf({ mode: 'v2', v1: [], v2: { mount: '/sys/fs/cgroup', controllers: [] } }, '/g/c'),
  availableCapabilities: 2n ** 64n - 1n,
};
const spec: OciSpec = { ociVersion: '1.2.0', process: { args: ['/x'], cwd: '/', user: { uid: 0, gid: 0 } } };

describe('planContainer', () => {
  it('takes from the sandbox what the spec does not say, and from the spec what it does', () => {
    expect(planContainer(spec, context)).toMatchObject({ hostname: 'from-sandbox', sysctls: [['net/ipv4/ip_forward', '0'], ['kernel/msgmax', '8192']] });
    const own = planContainer({ ...spec, hostname: 'own', domainname: 'example.org', linux: { sysctl: { 'net.ipv4.ip_forward': '1' } } }, context);
    expect(own).toMatchObject({ hostname: 'own', domainname: 'example.org', sysctls: [['net/ipv4/ip_forward', '1'], ['kernel/msgmax', '8192']] });
  });

  it('passes on root, paths and terminal', () => {
    const linux: OciLinux = { maskedPaths: ['/proc/kcore', '/a/../b'], readonlyPaths: ['/proc/sys'], rootfsPropagation: 'rslave' };
    const plan = planContainer({ ...spec, root: { path: 'ignored', readonly: true }, process: { args: ['/x'], cwd: '/', user: { uid: 0, gid: 0 }, terminal: true }, linux }, context);
    expect(plan).toMatchObject({ root: { path: '/r' }, readonlyRoot: true, rootPropagation: 'slave', masked: ['/proc/kcore', '/b'], readonly: ['/proc/sys'], console: true });
    expect(plan.links).toContainEqual({ path: '/dev/ptmx', target: 'pts/ptmx' });
  });

  it('has the working directory made for the container, as it is not for execs', () => {
    expect(planContainer(spec, context).process.createCwd).toBe(true);
  });

  it('is the same for the same input', () => {
    expect(planContainer(spec, context)).toEqual(planContainer(structuredClone(spec), context));
  });

  it.each<[string, Partial<OciSpec>]>([
    ['ociVersion', { ociVersion: '2.0.0' }],
    ['hostname', { hostname: 'x'.repeat(65) }],
    ['hostname', { hostname: 'a\0b' }],
    ['linux.maskedPaths[0]', { linux: { maskedPaths: ['proc'] } }],
    ['linux.readonlyPaths[0]', { linux: { readonlyPaths: [''] } }],
  ])('refuses a bad %s', (field, change) => {
    expect(() => planContainer({ ...spec, ...change }, context)).toThrow(expect.objectContaining({ kind: 'invalid', details: { field } }));
  });

  it('refuses a spec without a process, and a hostname where it would be the host\'s', () => {
    expect(() => planContainer({ ociVersion: '1.0.2' }, context)).toThrow(/^process is missing/);
    const own = new Set<OciNamespaceType>(['mount']);
    expect(() => planContainer(spec, { ...context, own, sandbox: { hostname: 'x', sysctls: {} } })).toThrow(/^hostname needs a uts namespace/);
  });

  it.each<[string, OciLinux]>([
    ['linux.uidMappings', { uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }] }],
    ['linux.mountLabel', { mountLabel: 'x' }],
    ['linux.cgroupsPath', { cgroupsPath: '/x' }],
  ])('says that it does not keep %s', (field, linux) => {
    expect(() => planContainer({ ...spec, linux }, context)).toThrow(expect.objectContaining({ kind: 'notImplemented', details: { field } }));
  });
});

describe('planDevices', () => {
  it('makes the default nodes, and a spec\'s node in place of the one of the same path', () => {
    const plain = planDevices(undefined);
    expect(plain.map(({ path }) => path)).toEqual(['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty']);
    const own = planDevices([
      { path: '/dev/null', type: 'c', major: 1, minor: 3, fileMode: 0o600 },
      { path: '/dev/fuse', type: 'u', major: 10, minor: 229, uid: 1, gid: 2 },
      { path: '/dev/pipe', type: 'p' },
    ]);
    expect(own.filter(({ path }) => path === '/dev/null')).toEqual([{ path: '/dev/null', type: 'c', major: 1, minor: 3, mode: 0o600, uid: 0, gid: 0 }]);
    expect(own.slice(-2)).toEqual([
      { path: '/dev/fuse', type: 'c', major: 10, minor: 229, mode: 0o666, uid: 1, gid: 2 },
      { path: '/dev/pipe', type: 'p', major: 0, minor: 0, mode: 0o666, uid: 0, gid: 0 },
    ]);
  });

  it.each([
    [{ path: '/etc/null', type: 'c', major: 1, minor: 3 } as const, 'linux.devices[0].path'],
    [{ path: '/dev/../etc/x', type: 'c', major: 1, minor: 3 } as const, 'linux.devices[0].path'],
    [{ path: '/dev/x', type: 'c', major: 1 } as const, 'linux.devices[0]'],
    [{ path: '/dev/x', type: 'b', major: 4096, minor: 0 } as const, 'linux.devices[0].major'],
    [{ path: '/dev/x', type: 'b', major: 1, minor: 2 ** 20 } as const, 'linux.devices[0].minor'],
    [{ path: '/dev/x', type: 'p', uid: -1 } as const, 'linux.devices[0].uid'],
  ])('refuses %j', (device, field) => {
    expect(() => planDevices([device])).toThrow(expect.objectContaining({ kind: 'invalid', details: { field } }));
  });

  it('refuses one path twice', () => {
    const device = { path: '/dev/x', type: 'p' } as const;
    expect(() => planDevices([device, { ...device, path: '/dev//x' }])).toThrow(/given twice/);
  });
});

describe('planRoot', () => {
  it('takes a path, a bind or one overlay', () => {
    expect(planRoot({ path: '/a/../r' })).toEqual({ path: '/r' });
    expect(planRoot({ mounts: [{ type: 'bind', source: '/r', options: ['rbind'] }] })).toEqual({ path: '/r' });
    expect(planRoot({ mounts: [{ type: 'overlay', source: 'overlay', options: ['lowerdir=/a\\:b:/c', 'upperdir=/u', 'workdir=/w', 'volatile', 'xino=on'] }] })).toEqual({
      overlay: { lower: ['/a:b', '/c'], upper: '/u', work: '/w', flags: ['volatile'], options: { xino: 'on' } },
    });
  });

  it.each([
    { mounts: [] },
    { mounts: [{ type: 'erofs', source: '/x', options: [] }] },
    { mounts: [{ type: 'bind', source: '/x', options: [] }, { type: 'bind', source: '/y', target: '/y', options: [] }] },
  ])('leaves %j to others', (rootfs) => {
    expect(() => planRoot(rootfs)).toThrow(expect.objectContaining({ kind: 'notImplemented', code: 'rootfs-unsupported' }));
  });

  it('refuses relative paths and an overlay without layers', () => {
    expect(() => planRoot({ path: 'r' })).toThrow(/rootfs\.path/);
    expect(() => planRoot({ mounts: [{ type: 'overlay', source: 'overlay', options: ['upperdir=/u'] }] })).toThrow(/lowerdir/);
  });
});

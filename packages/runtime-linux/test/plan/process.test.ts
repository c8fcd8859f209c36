import { describe, expect, it } from 'vitest';
import { dockerCapabilities, type OciProcess } from '@gantry/oci';
import { allCapabilities, capabilityMasks, namesOf } from '../../src/plan/capabilities.ts';
import { planProcess } from '../../src/plan/process.ts';
import { rlimits } from '../../src/plan/rlimits.ts';

const all = 2n ** 64n - 1n;
const base: OciProcess = { args: ['sh', '-c', 'true'], cwd: '/', user: { uid: 0, gid: 0 } };

describe('planProcess', () => {
  it('gives nothing that was not asked for', () => {
    expect(planProcess(base, { availableCapabilities: all })).toEqual({
      args: ['sh', '-c', 'true'],
      env: [],
      cwd: '/',
      uid: 0,
      gid: 0,
      groups: [],
      umask: 0o022,
      caps: { bounding: '0', effective: '0', permitted: '0', inheritable: '0', ambient: '0' },
      rlimits: [],
      noNewPrivileges: false,
      path: [],
    });
  });

  it('carries all that was', () => {
    const full: OciProcess = {
      args: ['/bin/app'],
      cwd: '/srv/../w/',
      env: ['A=', 'PATH=/bin:relative::/usr/bin', 'B==c'],
      user: { uid: 4294967294, gid: 5, umask: 0o077, additionalGids: [5, 6] },
      capabilities: { bounding: ['CAP_CHOWN', 'CAP_SYS_ADMIN'], permitted: ['CAP_CHOWN'], effective: ['CAP_CHOWN'] },
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 2048 }],
      noNewPrivileges: true,
      oomScoreAdj: -500,
      apparmorProfile: 'docker-default',
      selinuxLabel: 'a:b:c',
    };
    const seccomp = { bpf: 'AAAA', flags: 2 };
    expect(planProcess(full, { availableCapabilities: all, seccomp })).toMatchObject({
      args: ['/bin/app'],
      cwd: '/w',
      env: ['A=', 'PATH=/bin:relative::/usr/bin', 'B==c'],
      uid: 4294967294,
      gid: 5,
      groups: [5, 6],
      umask: 0o077,
      caps: { bounding: '200001', permitted: '1', effective: '1', inheritable: '0', ambient: '0' },
      rlimits: [[7, '1024', '2048']],
      noNewPrivileges: true,
      seccomp,
      oomScoreAdj: -500,
      apparmor: 'docker-default',
      selinux: 'a:b:c',
      path: ['/bin', '/usr/bin'],
    });
  });

  it('looks programs up in the last PATH', () => {
    expect(planProcess({ ...base, env: ['PATH=/a', 'PATH=/b'] }, { availableCapabilities: all }).path).toEqual(['/b']);
  });

  it.each<[string, Partial<OciProcess>]>([
    ['process.args', { args: [] }],
    ['process.args', { args: [''] }],
    ['process.args[1]', { args: ['a', 'b\0c'] }],
    ['process.args[1]', { args: ['a', 'b'.repeat(128 * 1024)] }],
    ['process.env[0]', { env: ['NAME'] }],
    ['process.env[1]', { env: ['A=b', '=b'] }],
    ['process.env[0]', { env: ['A=\0'] }],
    ['process.cwd', { cwd: '' }],
    ['process.cwd', { cwd: 'proc/self/fd/3' }],
    ['process.user.uid', { user: { uid: -1, gid: 0 } }],
    ['process.user.uid', { user: { uid: 4294967295, gid: 0 } }],
    ['process.user.uid', { user: { uid: 1.5, gid: 0 } }],
    ['process.user.gid', { user: { uid: 0, gid: Number.NaN } }],
    ['process.user.additionalGids[1]', { user: { uid: 0, gid: 0, additionalGids: [1, -1] } }],
    ['process.user.umask', { user: { uid: 0, gid: 0, umask: 0o1000 } }],
    ['process.oomScoreAdj', { oomScoreAdj: 1001 }],
    ['process.apparmorProfile', { apparmorProfile: 'two words' }],
    ['process.capabilities.bounding[0]', { capabilities: { bounding: ['CHOWN'] } }],
    ['process.capabilities.effective', { capabilities: { effective: ['CAP_CHOWN'] } }],
    ['process.rlimits[0].type', { rlimits: [{ type: 'NOFILE', soft: 1, hard: 1 }] }],
  ])('refuses a bad %s', (field, change) => {
    expect(() => planProcess({ ...base, ...change }, { availableCapabilities: all })).toThrow(expect.objectContaining({ kind: 'invalid', details: { field } }));
  });
});

describe('capabilityMasks', () => {
  it('is what /proc/self/status shows in one of Docker\'s containers', () => {
    const set = dockerCapabilities;
    expect(capabilityMasks({ bounding: set, effective: set, permitted: set }, all).masks).toEqual({
      bounding: 'a80425fb',
      effective: 'a80425fb',
      permitted: 'a80425fb',
      inheritable: '0',
      ambient: '0',
    });
  });

  it('knows all 41 of Linux 6, the last one by number', () => {
    expect(allCapabilities).toHaveLength(41);
    expect(capabilityMasks({ bounding: ['CAP_CHECKPOINT_RESTORE'] }, all).masks.bounding).toBe((1n << 40n).toString(16));
    expect(namesOf(0b101n)).toEqual(['CAP_CHOWN', 'CAP_DAC_READ_SEARCH']);
  });

  it('leaves out what the machine can not give, and says so', () => {
    const set = ['CAP_CHOWN', 'CAP_SYS_RESOURCE'];
    expect(capabilityMasks({ bounding: set, permitted: set, effective: set }, all & ~(1n << 24n))).toMatchObject({
      masks: { bounding: '1', permitted: '1', effective: '1' },
      missing: ['CAP_SYS_RESOURCE'],
    });
  });

  it.each([
    [{ effective: ['CAP_KILL'], permitted: ['CAP_CHOWN'] }, /effective has CAP_KILL/],
    [{ ambient: ['CAP_KILL'], permitted: ['CAP_KILL'] }, /ambient has CAP_KILL, which the inheritable set lacks/],
    [{ ambient: ['CAP_KILL'], inheritable: ['CAP_KILL'] }, /ambient has CAP_KILL, which the permitted set lacks/],
  ])('refuses %j, which capset would refuse', (sets, message) => {
    expect(() => capabilityMasks(sets, all)).toThrow(message);
  });
});

describe('rlimits', () => {
  it.each([
    [0, 0, '0', '0'],
    [1024, 4096, '1024', '4096'],
    [-1, -1, '18446744073709551615', '18446744073709551615'],
    [5, 2 ** 64, '5', '18446744073709551615'],
  ])('%d, %d', (soft, hard, low, high) => {
    expect(rlimits([{ type: 'RLIMIT_NPROC', soft, hard }])).toEqual([[6, low, high]]);
  });

  it.each([
    [[{ type: 'RLIMIT_CORE', soft: 2, hard: 1 }], 'process.rlimits[0].soft'],
    [[{ type: 'RLIMIT_CORE', soft: -1, hard: 1 }], 'process.rlimits[0].soft'],
    [[{ type: 'RLIMIT_CORE', soft: -2, hard: 1 }], 'process.rlimits[0].soft'],
    [[{ type: 'RLIMIT_CORE', soft: 0, hard: 1.5 }], 'process.rlimits[0].hard'],
    [[{ type: 'RLIMIT_CORE', soft: 0, hard: 1 }, { type: 'RLIMIT_CORE', soft: 0, hard: 1 }], 'process.rlimits[1].type'],
  ])('refuses %j', (list, field) => {
    expect(() => rlimits(list)).toThrow(expect.objectContaining({ kind: 'invalid', details: { field } }));
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { isGantryError } from '@gantry/errors';
import type { OciSeccomp } from '@gantry/oci';
import { describe, expect, test } from 'vitest';
import { compileSeccomp } from '../../src/seccomp/compile.ts';
import { parseSeccompProfile, type SeccompProfileContext } from '../../src/seccomp/profile-json.ts';

const context: SeccompProfileContext = { caps: ['CAP_SYS_ADMIN', 'CAP_KILL'], arch: 'x86_64', kernelVersion: '6.18.0' };

function parse(profile: unknown, changes: Partial<SeccompProfileContext> = {}): OciSeccomp {
  return parseSeccompProfile(typeof profile === 'string' ? profile : JSON.stringify(profile), { ...context, ...changes });
}

/** The names that are left of rules with these conditions. */
function kept(conditions: object, changes: Partial<SeccompProfileContext> = {}): boolean {
  return (parse({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', ...conditions }] }, changes).syscalls ?? []).length === 1;
}

function failure(profile: unknown): unknown {
  try {
    parse(profile);
  } catch (error) {
    return isGantryError(error) ? { kind: error.kind, code: error.code, field: error.details['field'] } : error;
  }
  return 'nothing was thrown';
}

describe('a profile', () => {
  test('in the OCI format stays as it is', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 1,
      architectures: ['SCMP_ARCH_X86_64'],
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      syscalls: [{ names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' }, { names: ['clone'], action: 'SCMP_ACT_ERRNO', errnoRet: 38, args: [{ index: 0, value: 5, valueTwo: 6, op: 'SCMP_CMP_MASKED_EQ' }] }],
    };
    expect(parse(profile)).toEqual(profile);
  });

  test('as Go writes it, with empty fields, is understood', () => {
    const empty = { name: '', names: ['read'], action: 'SCMP_ACT_ALLOW', args: null, comment: '', includes: {}, excludes: {}, errnoRet: null };
    expect(parse({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: null, archMap: null, flags: null, syscalls: [empty] })).toEqual({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }] });
  });

  test('of the older kind, with a name a rule', () => {
    expect(parse({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ name: 'read', action: 'SCMP_ACT_ALLOW' }] }).syscalls).toEqual([{ names: ['read'], action: 'SCMP_ACT_ALLOW' }]);
  });

  test('with names of errnos', () => {
    const { defaultErrnoRet, syscalls } = parse({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrno: 'ENOSYS', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', errno: 'EPERM' }, { names: ['write'], action: 'SCMP_ACT_ERRNO', errno: 'EPERM', errnoRet: 13 }] });
    expect([defaultErrnoRet, syscalls?.map(({ errnoRet }) => errnoRet)]).toEqual([38, [1, 13]]);
  });

  test('keeps numbers of 64 bits exactly', () => {
    const text = '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["mmap"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":18446744073709551615,"valueTwo":9007199254740993,"op":"SCMP_CMP_EQ"}]}]}';
    expect(parse(text).syscalls?.[0]?.args).toEqual([{ index: 0, value: 0xffff_ffff_ffff_ffffn, valueTwo: 9007199254740993n, op: 'SCMP_CMP_EQ' }]);
  });

  test('takes the architectures that go with the native one', () => {
    const archMap = [
      { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
      { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
    ];
    const taken = (arch: SeccompProfileContext['arch']): unknown => parse({ defaultAction: 'SCMP_ACT_ERRNO', archMap }, { arch }).architectures;
    expect([taken('x86_64'), taken('aarch64'), taken('riscv64')]).toEqual([['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'], ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'], undefined]);
  });
});

describe('conditions', () => {
  test('includes want every capability, one of the architectures and the kernel', () => {
    expect([
      kept({ includes: { caps: ['CAP_KILL', 'CAP_SYS_ADMIN'] } }),
      kept({ includes: { caps: ['CAP_KILL', 'CAP_BPF'] } }),
      kept({ includes: { arches: ['arm64', 'amd64'] } }),
      kept({ includes: { arches: ['arm64'] } }),
      kept({ includes: { arches: ['arm64'] } }, { arch: 'aarch64' }),
      kept({ includes: { minKernel: '6.18' } }),
      kept({ includes: { minKernel: '6.19' } }),
      kept({ includes: { minKernel: '5.200' } }),
    ]).toEqual([true, false, true, false, true, true, false, true]);
  });

  test('excludes want none of them', () => {
    expect([
      kept({ excludes: { caps: ['CAP_BPF', 'CAP_KILL'] } }),
      kept({ excludes: { caps: ['CAP_BPF'] } }),
      kept({ excludes: { arches: ['amd64'] } }),
      kept({ excludes: { arches: ['arm64'] } }),
      kept({ excludes: { minKernel: '4.8' } }),
      kept({ excludes: { minKernel: '7.0' } }),
      kept({ includes: { caps: ['CAP_KILL'] }, excludes: { caps: ['CAP_SYS_ADMIN'] } }),
    ]).toEqual([false, true, false, true, false, true, false]);
  });

  test('a rule that does not apply is checked all the same', () => {
    expect(failure({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_MAYBE', includes: { caps: ['CAP_BPF'] } }] })).toEqual({ kind: 'invalid', code: 'seccomp-profile-invalid', field: 'syscalls[0].action' });
  });
});

describe('an error names the field', () => {
  const rule = (changes: object): unknown => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', ...changes }] });
  const arg = (changes: object): unknown => rule({ args: [{ index: 0, value: 0, op: 'SCMP_CMP_EQ', ...changes }] });

  test.each([
    ['defaultAction', {}],
    ['defaultAction', { defaultAction: 'ALLOW' }],
    ['top level', []],
    ['top level', 'null'],
    ['syscals', { defaultAction: 'SCMP_ACT_ALLOW', syscals: [] }],
    ['__proto__', '{"defaultAction":"SCMP_ACT_ALLOW","__proto__":{}}'],
    ['architectures', { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86'], archMap: [{ architecture: 'SCMP_ARCH_X86_64' }] }],
    ['archMap[0].architecture', { defaultAction: 'SCMP_ACT_ALLOW', archMap: [{}] }],
    ['flags[0]', { defaultAction: 'SCMP_ACT_ALLOW', flags: [7] }],
    ['defaultErrno', { defaultAction: 'SCMP_ACT_ERRNO', defaultErrno: 'ENOTHING' }],
    ['defaultErrnoRet', { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: '1' }],
    ['syscalls', { defaultAction: 'SCMP_ACT_ERRNO', syscalls: {} }],
    ['syscalls[0].names', { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ action: 'SCMP_ACT_ALLOW' }] }],
    ['syscalls[0].name', rule({ name: 'write' })],
    ['syscalls[0].names[1]', rule({ names: ['read', ''] })],
    ['syscalls[0].action', rule({ action: undefined })],
    ['syscalls[0].exclude', rule({ exclude: { caps: [] } })],
    ['syscalls[0].includes.cap', rule({ includes: { cap: ['CAP_KILL'] } })],
    ['syscalls[0].excludes.caps', rule({ excludes: { caps: 'CAP_KILL' } })],
    ['syscalls[0].includes.minKernel', rule({ includes: { minKernel: 'new' } })],
    ['syscalls[0].errnoRet', rule({ errnoRet: -1 })],
    ['syscalls[0].args[0].index', arg({ index: 6 })],
    ['syscalls[0].args[0].op', arg({ op: 'EQ' })],
    ['syscalls[0].args[0].value', arg({ value: -1 })],
    ['syscalls[0].args[0].value', arg({ value: 1.5 })],
    ['syscalls[0].args[0].valueTwo', arg({ valueTwo: '0' })],
  ])('%s', (field, profile) => {
    expect(failure(profile)).toEqual({ kind: 'invalid', code: 'seccomp-profile-invalid', field });
  });

  test.each([
    ['listenerPath', { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '/run/agent.sock' }],
    ['syscalls[0].action', rule({ action: 'SCMP_ACT_NOTIFY' })],
  ])('%s: a listener is not implemented', (field, profile) => {
    expect(failure(profile)).toEqual({ kind: 'notImplemented', code: 'seccomp-notify', field });
  });
});

describe('bounds', () => {
  test('depth', () => {
    expect(failure('['.repeat(100_000))).toMatchObject({ code: 'seccomp-profile-invalid' });
    expect(parse({ defaultAction: 'SCMP_ACT_ALLOW', comment: '[[[[[[[[[[[[[["\\' }).defaultAction).toBe('SCMP_ACT_ALLOW');
  });

  test('length', () => {
    expect(failure(JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', comment: 'x'.repeat(1 << 20) }))).toMatchObject({ kind: 'invalid', code: 'seccomp-profile-too-large' });
  });

  test('what is no JSON', () => {
    expect(failure('{"defaultAction":')).toMatchObject({ kind: 'invalid', code: 'seccomp-profile-invalid' });
  });
});

/** Podman's profile, where that is installed: a real file of this format. */
const installed = '/usr/share/containers/seccomp.json';

test.skipIf(!existsSync(installed))('a file from another engine compiles', () => {
  const profile = parseSeccompProfile(readFileSync(installed, 'utf8'), context);
  expect(profile.architectures).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32']);
  expect(profile.syscalls?.some(({ names }) => names.includes('mount'))).toBe(true);
  expect(compileSeccomp(profile, 'x86_64').bpf.length / 8).toBeGreaterThan(100);
});

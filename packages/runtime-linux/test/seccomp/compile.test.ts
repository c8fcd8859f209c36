import { isGantryError } from '@gantry/errors';
import type { OciSeccomp, OciSeccompArg } from '@gantry/oci';
import { describe, expect, test } from 'vitest';
import { problemWithProgram } from '../../src/seccomp/check-program.ts';
import { compileSeccomp } from '../../src/seccomp/compile.ts';
import { defaultProfile } from '../../src/seccomp/default-profile.ts';
import { syscallNumber } from '../../src/seccomp/syscall-table.ts';
import { describeAction } from './bpf/actions.ts';
import { decodeProgram, run } from './bpf/interpreter.ts';

const x86_64 = 0xc000_003e;
const i386 = 0x4000_0003;

function ask(profile: OciSeccomp, nr: number, args: readonly bigint[] = [], arch = x86_64): string {
  return describeAction(run(decodeProgram(compileSeccomp(profile, 'x86_64').bpf), { arch, nr, args }).action);
}

function rules(...args: readonly (readonly OciSeccompArg[])[]): OciSeccomp {
  return { defaultAction: 'SCMP_ACT_ERRNO', syscalls: args.map((some) => ({ names: ['mmap'], action: 'SCMP_ACT_ALLOW', args: some })) };
}

const equal = (index: number, value: number | bigint): OciSeccompArg => ({ index, value, op: 'SCMP_CMP_EQ' });

/** The thrown error's kind, code and details. */
function failure(compile: () => unknown): unknown {
  try {
    compile();
  } catch (error) {
    return isGantryError(error) ? { kind: error.kind, code: error.code, details: error.details, message: error.message } : error;
  }
  return 'nothing was thrown';
}

describe('calls', () => {
  test('upper halves that differ are told apart', () => {
    const profile = rules([equal(0, 5)], [equal(0, 0x1_0000_0005n)], [equal(0, 0x2_0000_0006n)]);
    const given = [0x5n, 0x1_0000_0005n, 0x2_0000_0006n, 0x2_0000_0005n, 0x3_0000_0005n, 0x6n];
    expect(given.map((value) => ask(profile, 9, [value]))).toEqual(['allow', 'allow', 'allow', 'errno 1', 'errno 1', 'errno 1']);
  });

  test('several bits, each of which is enough, are one test', () => {
    const bit = (value: number): OciSeccompArg[] => [{ index: 2, value, valueTwo: BigInt(value), op: 'SCMP_CMP_MASKED_EQ' }];
    const profile = rules(bit(1), bit(4), bit(0x40));
    expect(compileSeccomp(profile, 'x86_64').bpf.length / 8).toBeLessThanOrEqual(compileSeccomp(rules(bit(1)), 'x86_64').bpf.length / 8);
    expect([0n, 1n, 2n, 4n, 0x40n, 0x42n].map((value) => ask(profile, 9, [0n, 0n, value]))).toEqual(['errno 1', 'allow', 'errno 1', 'allow', 'allow', 'allow']);
  });

  test('a family cannot be hidden above the bits that the kernel reads', () => {
    const profile = defaultProfile([], 'x86_64', '6.18');
    expect([1n, 38n, 39n, 40n, 41n, 0x1_0000_0028n, 0x1_0000_0026n, 0x1_0000_0001n].map((family) => ask(profile, 41, [family]))).toEqual(['allow', 'errno 1', 'allow', 'errno 1', 'allow', 'errno 1', 'errno 1', 'allow']);
  });

  test('a negative int written with 64 bits is that int', () => {
    const profile: OciSeccomp = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['ioctl'], action: 'SCMP_ACT_ALLOW', args: [equal(1, 0xffff_ffff_ffff_fffen)] }] };
    expect([0xffff_fffen, 0xffff_ffff_ffff_fffen, 0xfffen].map((command) => ask(profile, 16, [0n, command]))).toEqual(['allow', 'allow', 'errno 1']);
  });

  test('i386: a rule also speaks for the multiplexed call, unless it allows under conditions', () => {
    const profile = (args: readonly OciSeccompArg[]): OciSeccomp => ({ defaultAction: 'SCMP_ACT_ERRNO', architectures: ['SCMP_ARCH_X86'], syscalls: [{ names: ['shmat', 'socket'], action: 'SCMP_ACT_ALLOW', args }] });
    const calls: [number, bigint][] = [[117, 21n], [117, 0x1_0015n], [117, 22n], [102, 1n], [102, 2n]];
    expect(calls.map(([nr, which]) => ask(profile([]), nr, [which], i386))).toEqual(['allow', 'allow', 'errno 1', 'allow', 'errno 1']);
    expect(calls.map(([nr, which]) => ask(profile([equal(0, 2)]), nr, [which], i386))).toEqual(['errno 1', 'errno 1', 'errno 1', 'errno 1', 'errno 1']);
  });

  test('of a profile that names call 0 alone nothing is called new', () => {
    expect(ask({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }] }, 600)).toBe('errno 1');
  });
});

describe('the program', () => {
  test('of the default profile is small, for every set of capabilities', () => {
    for (const caps of [[], ['CAP_SYS_ADMIN'], ['CAP_SYS_PTRACE', 'CAP_SYS_MODULE', 'CAP_SYS_TIME']]) {
      expect(compileSeccomp(defaultProfile(caps, 'x86_64', '6.18'), 'x86_64').bpf.length / 8).toBeLessThanOrEqual(230);
      expect(compileSeccomp(defaultProfile(caps, 'aarch64', '6.18'), 'aarch64').bpf.length / 8).toBeLessThanOrEqual(180);
    }
  });

  test('decides a plain call by its number alone, so that the kernel can remember the answer', () => {
    const program = decodeProgram(compileSeccomp(defaultProfile([], 'x86_64', '6.18'), 'x86_64').bpf);
    for (const name of ['read', 'write', 'futex', 'openat', 'epoll_wait', 'mmap']) {
      const { action, readArguments, steps } = run(program, { arch: x86_64, nr: syscallNumber('x86_64', name) ?? -1 });
      expect([name, describeAction(action), readArguments, steps <= 14]).toEqual([name, 'allow', false, true]);
    }
  });

  test('keeps jumps in reach when it is long', () => {
    const profile = rules(...Array.from({ length: 400 }, (_, index) => [equal(index % 3, BigInt(index) * 0x1_0000_0001n + 7n)]));
    const { bpf } = compileSeccomp(profile, 'x86_64');
    expect([bpf.length > 1000 * 8, problemWithProgram(bpf)]).toEqual([true, undefined]);
    expect([0, 399].map((index) => ask(profile, 9, [0n, 0n, 0n].with(index % 3, BigInt(index) * 0x1_0000_0001n + 7n)))).toEqual(['allow', 'allow']);
    expect(ask(profile, 9, [1n, 1n, 1n])).toBe('errno 1');
  });

  test('is remembered and yet the own one of each caller', () => {
    const profile = defaultProfile([], 'x86_64', '6.18');
    const first = compileSeccomp(profile, 'x86_64');
    const kept = first.bpf.slice();
    first.bpf.fill(0);
    expect(compileSeccomp(structuredClone(profile), 'x86_64').bpf).toEqual(kept);
    expect(compileSeccomp(profile, 'aarch64').bpf).not.toEqual(kept);
  });
});

describe('flags', () => {
  const flagsOf = (...flags: readonly string[]): number => compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW', flags }, 'x86_64').flags;

  test('are bits', () => {
    expect([flagsOf(), flagsOf('SECCOMP_FILTER_FLAG_TSYNC'), flagsOf('SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'), flagsOf('SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV')]).toEqual([0, 1, 6, 0]);
  });

  test('default to SPEC_ALLOW', () => {
    expect(compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW' }, 'x86_64').flags).toBe(4);
  });
});

describe('refuses', () => {
  const profile = (changes: Partial<OciSeccomp>): OciSeccomp => ({ defaultAction: 'SCMP_ACT_ERRNO', ...changes });
  const withArg = (arg: object): OciSeccomp => {
    const raw: unknown = JSON.parse(JSON.stringify({ index: 0, value: 0, op: 'SCMP_CMP_EQ', ...arg }));
    return profile({ syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', args: [raw as OciSeccompArg] }] });
  };

  test.each([
    ['a flag', profile({ flags: ['SECCOMP_FILTER_FLAG_NEW_LISTENER'] }), 'seccomp-flag-unknown', { flag: 'SECCOMP_FILTER_FLAG_NEW_LISTENER' }],
    ['an architecture', profile({ architectures: ['SCMP_ARCH_VAX'] }), 'seccomp-architecture-unknown', { architecture: 'SCMP_ARCH_VAX' }],
    ['an errno', profile({ defaultErrnoRet: 4096 }), 'seccomp-profile-invalid', { field: 'defaultAction' }],
    ['an argument', withArg({ index: 6 }), 'seccomp-profile-invalid', { field: 'syscalls[0].args[0].index' }],
    ['an operator', withArg({ op: 'SCMP_CMP_LIKE' }), 'seccomp-profile-invalid', { field: 'syscalls[0].args[0].op' }],
    ['a value below 0', withArg({ value: -1 }), 'seccomp-profile-invalid', { field: 'syscalls[0].args[0].value' }],
    ['a value that a number cannot hold', withArg({ value: 2 ** 60 }), 'seccomp-profile-invalid', { field: 'syscalls[0].args[0].value' }],
    ['too many tests of one call', rules(...Array.from({ length: 501 }, (_, index) => [equal(0, index)])), 'seccomp-profile-too-large', {}],
    ['too many names', profile({ syscalls: [{ names: Array.from({ length: 10_001 }, () => 'read'), action: 'SCMP_ACT_ALLOW' }] }), 'seccomp-profile-too-large', {}],
  ])('%s', (_what, refused, code, details) => {
    expect(failure(() => compileSeccomp(refused, 'x86_64'))).toEqual({ kind: 'invalid', code, details, message: expect.stringMatching(/seccomp profile/) as unknown });
  });

  test('what needs more instructions than the kernel takes', () => {
    const names = ['mmap', 'read', 'write', 'rename', 'sendfile', 'splice', 'tee', 'vmsplice', 'mremap', 'msync'];
    const args = (at: number): OciSeccompArg[] => [equal(at % 5, BigInt(at) * 0x1_0001_0001n + 3n)];
    const large = profile({ syscalls: names.flatMap((name, which) => Array.from({ length: 400 }, (_, index) => ({ names: [name], action: 'SCMP_ACT_ALLOW' as const, args: args(index + which * 1000) }))) });
    expect(failure(() => compileSeccomp(large, 'x86_64'))).toMatchObject({ kind: 'invalid', code: 'seccomp-profile-too-large' });
  });
});

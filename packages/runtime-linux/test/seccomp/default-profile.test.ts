import type { OciSeccomp } from '@gantry/oci';
import { describe, expect, test } from 'vitest';
import type { SeccompArch } from '../../src/seccomp/architecture.ts';
import { defaultProfile } from '../../src/seccomp/default-profile.ts';
import { syscallNumber, syscalls } from '../../src/seccomp/syscall-table.ts';
import { evaluate } from './evaluator.ts';

const audit = { x86_64: 0xc000_003e, aarch64: 0xc000_00b7, riscv64: 0xc000_00f3 } as const;

function policy(caps: readonly string[], arch: SeccompArch = 'x86_64', kernel = '6.18.0'): OciSeccomp {
  return defaultProfile(caps, arch, kernel);
}

/** What the native convention of an architecture answers, by name. */
function answers(profile: OciSeccomp, arch: SeccompArch, ...names: readonly string[]): string[] {
  return names.map((name) => evaluate(profile, arch, { arch: audit[arch], nr: syscallNumber(arch, name) ?? -1, args: [] }));
}

/** Names that a set of capabilities opens, beyond none. */
function opened(caps: readonly string[], arch: SeccompArch = 'x86_64'): string[] {
  const [bare, held] = [policy([], arch), policy(caps, arch)];
  return [...syscalls(arch)].filter(([, nr]) => evaluate(bare, arch, { arch: audit[arch], nr }) !== 'allow' && evaluate(held, arch, { arch: audit[arch], nr }) === 'allow').map(([name]) => name).sort();
}

describe('what a capability opens', () => {
  test.each([
    ['CAP_NET_ADMIN', ''],
    ['CAP_AUDIT_WRITE', ''],
    ['CAP_SYS_CHROOT', 'chroot'],
    ['CAP_SYS_PACCT', 'acct'],
    ['CAP_SYS_BOOT', 'reboot'],
    ['CAP_SYS_MODULE', 'delete_module finit_module init_module'],
    ['CAP_SYS_TIME', 'clock_settime settimeofday'],
    ['CAP_SYS_RAWIO', 'ioperm iopl'],
    ['CAP_SYS_TTY_CONFIG', 'vhangup'],
    ['CAP_SYS_NICE', 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node'],
    ['CAP_SYS_PTRACE', 'kcmp pidfd_getfd process_madvise'],
    ['CAP_DAC_READ_SEARCH', 'open_by_handle_at'],
    ['CAP_SYSLOG', 'syslog'],
    ['CAP_BPF', 'bpf'],
    ['CAP_PERFMON', 'perf_event_open'],
    [
      'CAP_SYS_ADMIN',
      'bpf clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount2 unshare',
    ],
  ])('%s', (capability, names) => {
    expect(opened([capability]).join(' ')).toBe(names);
  });
});

test('kernel attack surface stays shut, whatever the capabilities', () => {
  const every = 'ADMIN PTRACE MODULE TIME NICE BOOT CHROOT PACCT RAWIO TTY_CONFIG'.split(' ').map((name) => `CAP_SYS_${name}`);
  const names = 'io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key userfaultfd kexec_load kexec_file_load swapon swapoff pivot_root nfsservctl uselib ustat sysfs move_pages'.split(' ');
  expect(answers(policy([...every, 'CAP_BPF', 'CAP_PERFMON']), 'x86_64', ...names)).toEqual(names.map(() => 'errno 1'));
});

describe('clone', () => {
  const clone = (caps: readonly string[], flags: bigint): string => evaluate(policy(caps), 'x86_64', { arch: audit.x86_64, nr: 56, args: [flags] });
  const namespaces = [0x0002_0000n, 0x0200_0000n, 0x0400_0000n, 0x0800_0000n, 0x1000_0000n, 0x2000_0000n, 0x4000_0000n];

  test('makes processes and threads', () => {
    expect([0x11n, 0x3d_0f00n, 0x0120_0011n].map((flags) => clone([], flags))).toEqual(['allow', 'allow', 'allow']);
  });

  test('makes namespaces with CAP_SYS_ADMIN only', () => {
    expect(namespaces.map((flag) => [clone([], flag | 0x11n), clone(['CAP_SYS_ADMIN'], flag | 0x11n)])).toEqual(namespaces.map(() => ['errno 1', 'allow']));
  });

  test('clone3 does not exist without it, so that libraries use clone', () => {
    expect([answers(policy([]), 'x86_64', 'clone3'), answers(policy(['CAP_SYS_ADMIN']), 'x86_64', 'clone3')]).toEqual([['errno 38'], ['allow']]);
  });
});

describe('kernels', () => {
  const tracing = ['ptrace', 'process_vm_readv', 'process_vm_writev'];

  test.each([
    ['4.7.10', 'errno 1'],
    ['4.8.0', 'allow'],
    ['4.10.3-generic', 'allow'],
    ['5.0', 'allow'],
    ['3.19', 'errno 1'],
  ])('on %s tracing is %s without CAP_SYS_PTRACE', (kernel, expected) => {
    expect(answers(policy([], 'x86_64', kernel), 'x86_64', ...tracing)).toEqual([expected, expected, expected]);
    expect(answers(policy(['CAP_SYS_PTRACE'], 'x86_64', kernel), 'x86_64', ...tracing)).toEqual(['allow', 'allow', 'allow']);
  });

  test('what is no version is refused', () => {
    expect(() => policy([], 'x86_64', 'unknown')).toThrow(expect.objectContaining({ kind: 'invalid', code: 'kernel-version-invalid' }));
  });
});

describe('architectures', () => {
  test.each([
    ['x86_64', ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'], ['arch_prctl', 'modify_ldt']],
    ['aarch64', ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'], []],
    ['riscv64', ['SCMP_ARCH_RISCV64'], ['riscv_flush_icache', 'riscv_hwprobe']],
  ] as const)('%s', (arch, architectures, names) => {
    expect(policy([], arch).architectures).toEqual(architectures);
    expect(answers(policy([], arch), arch, 'read', 'openat', 'io_uring_setup', ...names)).toEqual(['allow', 'allow', 'errno 1', ...names.map(() => 'allow')]);
  });

  test("arm's private calls are allowed as far as programs need them", () => {
    const arm = (name: string): string => evaluate(policy([], 'aarch64'), 'aarch64', { arch: 0x4000_0028, nr: syscallNumber('arm', name) ?? -1 });
    expect(['cacheflush', 'set_tls', 'breakpoint', 'get_tls', 'usr26', 'recv', 'send', 'sync_file_range2'].map(arm)).toEqual(['allow', 'allow', 'allow', 'errno 38', 'errno 1', 'allow', 'allow', 'allow']);
  });
});

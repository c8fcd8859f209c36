import fc from 'fast-check';
import type { OciSeccomp, OciSeccompAction, OciSeccompArg, OciSeccompOp } from '@gantry/oci';
import { abiFacts, archFacts, x32Bit, type SeccompArch } from '../../src/seccomp/architecture.ts';
import { syscalls } from '../../src/seccomp/syscall-table.ts';
import type { SeccompData } from './bpf/interpreter.ts';

const actions: readonly OciSeccompAction[] = ['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO', 'SCMP_ACT_KILL', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_TRAP', 'SCMP_ACT_TRACE', 'SCMP_ACT_LOG'];
const operators: readonly OciSeccompOp[] = ['SCMP_CMP_NE', 'SCMP_CMP_LT', 'SCMP_CMP_LE', 'SCMP_CMP_EQ', 'SCMP_CMP_GE', 'SCMP_CMP_GT', 'SCMP_CMP_MASKED_EQ'];

/** Calls with narrow and wide arguments, multiplexed ones, private ones, ones that some conventions lack, and one that none has. */
const names = ['read', 'write', 'mmap', 'ioctl', 'socket', 'socketcall', 'ipc', 'shmat', 'recv', 'clone', 'personality', 'rename', 'waitpid', 'cacheflush', 'sync_file_range2', 'arm_sync_file_range', 'execveat', 'listns', 'no_such_call'];

/** Few values, so that rules meet; around the borders of words and of signs. */
const value = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(0n, 1n, 2n, 3n, 4n, 5n, 8n, 40n) },
  { weight: 3, arbitrary: fc.constantFrom(0x7fff_ffffn, 0x8000_0000n, 0xffff_fffen, 0xffff_ffffn, 0x1_0000_0000n, 0x1_0000_0005n, 0x5_0000_0000n, 0xffff_ffff_0000_0000n, 0xffff_ffff_8000_0000n, 0xffff_ffff_ffff_fffbn, 0xffff_ffff_ffff_ffffn) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }) },
);

/** A bit that must be set, or bits that must not be: what masks are mostly used for. */
const bits = fc.tuple(fc.constantFrom(1n, 2n, 4n, 6n, 0x4000_0000n, 0x1_0000_0000n), fc.boolean()).map(([value, set]) => ({ op: 'SCMP_CMP_MASKED_EQ', value, valueTwo: set ? value : 0n }) as const);

const comparison = fc.oneof({ weight: 4, arbitrary: fc.record({ op: fc.constantFrom(...operators), value, valueTwo: value }) }, { weight: 1, arbitrary: bits });

const arg: fc.Arbitrary<OciSeccompArg> = fc.tuple(fc.nat(2), comparison).map(([index, compared]) => ({ index, ...compared }));

const errno = fc.constantFrom(1, 13, 38);

function ruleAbout(some: readonly string[]): fc.Arbitrary<NonNullable<OciSeccomp['syscalls']>[number]> {
  return fc.record(
    { names: fc.uniqueArray(fc.constantFrom(...some), { minLength: 1, maxLength: 2 }), action: fc.constantFrom(...actions), errnoRet: errno, args: fc.array(arg, { maxLength: 3 }) },
    { requiredKeys: ['names', 'action'] },
  );
}

export interface Case {
  readonly arch: SeccompArch;
  readonly profile: OciSeccomp;
  readonly calls: readonly SeccompData[];
}

function callTo(arch: SeccompArch, some: readonly string[]): fc.Arbitrary<SeccompData> {
  const audits = [...archFacts(arch).abis.map((abi) => abiFacts(abi).audit), 0x1234];
  const numbers = archFacts(arch).abis.flatMap((abi) => [...some, 'socketcall', 'ipc'].flatMap((name) => syscalls(abi).get(name) ?? []));
  const near = fc.tuple(fc.constantFrom(0, ...numbers), fc.constantFrom(0, 0, 0, -1, 1)).map(([nr, by]) => Math.max(0, nr + by));
  const odd = fc.constantFrom(0, 700, x32Bit - 1, x32Bit, x32Bit + 700, 0x7fff_ffff, 0x8000_0000, 0x0e_ffff, 0x0f_0000, 0x0f_0002, 0x0f_0007, 0xffff_ffff);
  return fc.record({ arch: fc.constantFrom(...audits), nr: fc.oneof({ weight: 8, arbitrary: near }, { weight: 1, arbitrary: odd }), args: fc.array(value, { maxLength: 3 }) });
}

/** A profile with a few rules that overlap, and calls close to what they are about. */
export const compileCase: fc.Arbitrary<Case> = fc
  .tuple(fc.constantFrom<SeccompArch>('x86_64', 'x86_64', 'aarch64', 'riscv64'), fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }))
  .chain(([arch, some]) =>
    fc.record({
      arch: fc.constant(arch),
      profile: fc.record(
        {
          defaultAction: fc.constantFrom(...actions),
          defaultErrnoRet: errno,
          architectures: fc.subarray([...archFacts(arch).abis.map((abi) => abiFacts(abi).oci), 'SCMP_ARCH_S390X']),
          syscalls: fc.array(ruleAbout(some), { maxLength: 6 }),
        },
        { requiredKeys: ['defaultAction'] },
      ),
      calls: fc.array(callTo(arch, some), { minLength: 20, maxLength: 40 }),
    }),
  );

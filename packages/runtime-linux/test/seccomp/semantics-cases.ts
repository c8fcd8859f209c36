import type { OciSeccomp, OciSeccompAction, OciSeccompArg, OciSeccompOp } from '@gantry/oci';
import { x32Bit, type SyscallAbi } from '../../src/seccomp/architecture.ts';
import { allowedOnArch, allowedSinceFilterAfterTrace, alwaysAllowed } from '../../src/seccomp/default-syscalls.ts';
import { syscallNumber } from '../../src/seccomp/syscall-table.ts';

/**
 * Profiles that ask what the rules of a profile mean, to be given to a real engine. A program has to start under each,
 * so all calls but those in question are allowed or the default is.
 */
export interface SemanticsCase {
  readonly name: string;
  readonly profile: OciSeccomp;
  /** The numbers that are asked about, of each convention. */
  readonly numbers: (abi: SyscallAbi) => readonly number[];
}

type Rule = NonNullable<OciSeccomp['syscalls']>[number];

/** What the cases are about: plain calls, ones that i386 also makes through another, and those others. */
const asked = ['getpriority', 'rename', 'shmat', 'semget', 'socketpair', 'recv', 'socketcall', 'ipc'];

const others = [...alwaysAllowed.flat(), ...allowedOnArch.x86_64, ...allowedSinceFilterAfterTrace, 'socket', 'personality', 'clone', 'clone3'].filter((name) => !asked.includes(name));

/** Also a call that no profile here names, in the middle and past the end. */
function numbers(abi: SyscallAbi): number[] {
  const found = asked.flatMap((name) => syscallNumber(abi, name) ?? []).map((number) => (abi === 'x32' ? number - x32Bit : number));
  return [...new Set([...found, 460, 471, 600])];
}

const on = (index: number, op: OciSeccompOp, value: number | bigint, valueTwo?: bigint): OciSeccompArg => ({ index, op, value, ...(valueTwo !== undefined && { valueTwo }) });

const rule = (name: string, action: OciSeccompAction, ...args: readonly OciSeccompArg[]): Rule => ({ names: [name], action, args });

const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];

function strict(name: string, ...rules: readonly Rule[]): SemanticsCase {
  return { name, numbers, profile: { defaultAction: 'SCMP_ACT_ERRNO', architectures, syscalls: [{ names: others, action: 'SCMP_ACT_ALLOW' }, ...rules] } };
}

function lax(name: string, ...rules: readonly Rule[]): SemanticsCase {
  return { name, numbers, profile: { defaultAction: 'SCMP_ACT_ALLOW', architectures, syscalls: rules } };
}

const wide = 0x1_0000_0005n;

export const semanticsCases: readonly SemanticsCase[] = [
  strict('equal', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_EQ', 5))),
  strict('equal, wide', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_EQ', wide))),
  strict('not equal', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_NE', 5))),
  strict('not equal, wide', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_NE', wide))),
  strict('less', rule('getpriority', 'SCMP_ACT_ALLOW', on(1, 'SCMP_CMP_LT', 5))),
  strict('less, wide', rule('getpriority', 'SCMP_ACT_ALLOW', on(1, 'SCMP_CMP_LT', wide))),
  strict('less or equal', rule('getpriority', 'SCMP_ACT_ALLOW', on(1, 'SCMP_CMP_LE', 5))),
  strict('less or equal, wide', rule('getpriority', 'SCMP_ACT_ALLOW', on(1, 'SCMP_CMP_LE', wide))),
  strict('greater', rule('getpriority', 'SCMP_ACT_ALLOW', on(2, 'SCMP_CMP_GT', 5))),
  strict('greater, wide', rule('getpriority', 'SCMP_ACT_ALLOW', on(2, 'SCMP_CMP_GT', wide))),
  strict('greater or equal', rule('getpriority', 'SCMP_ACT_ALLOW', on(2, 'SCMP_CMP_GE', 5))),
  strict('greater or equal, wide', rule('getpriority', 'SCMP_ACT_ALLOW', on(2, 'SCMP_CMP_GE', wide))),
  strict('masked', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_MASKED_EQ', 0x7e02_0000, 0n))),
  strict('masked, wide', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_MASKED_EQ', 0x3_0000_0006n, 0x1_0000_0002n))),
  strict('masked, value outside of the mask', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_MASKED_EQ', 0x6, 0x5n))),
  strict('masked with nothing', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_MASKED_EQ', 0, 0n))),
  strict('conditions on two arguments', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_EQ', 5), on(1, 'SCMP_CMP_EQ', 7))),
  strict('conditions on one argument', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_EQ', 5), on(0, 'SCMP_CMP_EQ', 7))),
  strict('conditions on one argument and another', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_EQ', 5), on(1, 'SCMP_CMP_EQ', 7), on(0, 'SCMP_CMP_EQ', 9))),
  strict('several rules', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_EQ', 5)), rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_EQ', 7))),
  strict('with and then without conditions', rule('getpriority', 'SCMP_ACT_LOG', on(0, 'SCMP_CMP_EQ', 5)), rule('getpriority', 'SCMP_ACT_ALLOW')),
  strict('without and then with conditions', rule('getpriority', 'SCMP_ACT_ALLOW'), rule('getpriority', 'SCMP_ACT_LOG', on(0, 'SCMP_CMP_EQ', 5))),
  strict('twice without conditions', rule('getpriority', 'SCMP_ACT_LOG'), rule('getpriority', 'SCMP_ACT_ALLOW')),
  strict('range before value', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_GE', 3)), rule('getpriority', 'SCMP_ACT_LOG', on(0, 'SCMP_CMP_EQ', 5))),
  strict('value before range', rule('getpriority', 'SCMP_ACT_LOG', on(0, 'SCMP_CMP_EQ', 5)), rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_GE', 3))),
  strict('ranges that overlap', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_GT', 3)), rule('getpriority', 'SCMP_ACT_LOG', on(0, 'SCMP_CMP_LT', 7))),
  strict('bounds within bounds', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_LT', 7)), rule('getpriority', 'SCMP_ACT_LOG', on(0, 'SCMP_CMP_LT', 3))),
  strict('two arguments, two actions', rule('getpriority', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_EQ', 5)), rule('getpriority', 'SCMP_ACT_LOG', on(1, 'SCMP_CMP_EQ', 7))),
  strict("a rule with the default's action", rule('getpriority', 'SCMP_ACT_ERRNO'), rule('getpriority', 'SCMP_ACT_ALLOW')),
  strict('a name that does not exist', rule('no_such_call', 'SCMP_ACT_ALLOW'), rule('getpriority', 'SCMP_ACT_ALLOW')),
  strict('actions', rule('getpriority', 'SCMP_ACT_KILL'), rule('rename', 'SCMP_ACT_KILL_PROCESS'), rule('shmat', 'SCMP_ACT_KILL_THREAD'), rule('semget', 'SCMP_ACT_TRAP'), rule('socketpair', 'SCMP_ACT_LOG'), rule('recv', 'SCMP_ACT_TRACE')),
  strict('errnos', { names: ['getpriority'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 }, { names: ['rename'], action: 'SCMP_ACT_TRACE', errnoRet: 7 }, { names: ['shmat'], action: 'SCMP_ACT_ERRNO', errnoRet: 0 }),
  strict('multiplexed calls', rule('shmat', 'SCMP_ACT_ALLOW'), rule('socketpair', 'SCMP_ACT_ALLOW'), rule('recv', 'SCMP_ACT_ALLOW')),
  strict('multiplexed calls and the call for all of them', rule('shmat', 'SCMP_ACT_LOG'), rule('ipc', 'SCMP_ACT_ALLOW')),
  strict('a multiplexed call with conditions, allowed', rule('socketpair', 'SCMP_ACT_ALLOW', on(0, 'SCMP_CMP_EQ', 1))),
  lax('a multiplexed call with conditions, forbidden', rule('socketpair', 'SCMP_ACT_ERRNO', on(0, 'SCMP_CMP_EQ', 1))),
  lax('default that allows', rule('getpriority', 'SCMP_ACT_ERRNO'), rule('rename', 'SCMP_ACT_ERRNO', on(0, 'SCMP_CMP_EQ', 5))),
  {
    name: 'native architecture only',
    numbers,
    profile: { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: others, action: 'SCMP_ACT_ALLOW' }, rule('getpriority', 'SCMP_ACT_ALLOW')] },
  },
  {
    name: 'another errno for the default',
    numbers,
    profile: { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38, architectures, syscalls: [{ names: others, action: 'SCMP_ACT_ALLOW' }, { names: ['getpriority'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }] },
  },
];

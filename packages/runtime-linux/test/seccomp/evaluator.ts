import type { OciSeccomp, OciSeccompArg } from '@gantry/oci';
import { isNarrow } from '../../src/seccomp/argument-widths.ts';
import { abiFacts, archFacts, x32Bit, type SeccompArch, type SyscallAbi } from '../../src/seccomp/architecture.ts';
import { multiplexedCall } from '../../src/seccomp/multiplexed-calls.ts';
import { syscalls } from '../../src/seccomp/syscall-table.ts';
import type { SeccompData } from './bpf/interpreter.ts';

/**
 * What a profile says to one call, worked out in the plainest way: all rules, one after the other, in whole numbers.
 * Shares with the compiler the tables of facts, and nothing else.
 */

type Entry = NonNullable<OciSeccomp['syscalls']>[number];

/** One alternative of a rule, for one name. */
interface Rule {
  readonly action: string;
  readonly args: readonly OciSeccompArg[];
}

const through = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'];

function text(action: string, errnoRet: number | undefined): string {
  switch (action) {
    case 'SCMP_ACT_ERRNO':
      return `errno ${errnoRet ?? 1}`;
    case 'SCMP_ACT_TRACE':
      return `trace ${errnoRet ?? 1}`;
    case 'SCMP_ACT_KILL':
      return 'kill thread';
    default:
      return action.slice('SCMP_ACT_'.length).toLowerCase().replace('_', ' ');
  }
}

function conventionOf(arch: SeccompArch, data: SeccompData, x32Listed: boolean): SyscallAbi | undefined {
  const abi = archFacts(arch).abis.find((one) => abiFacts(one).audit === data.arch);
  if (abi !== 'x86_64' || data.nr < x32Bit) return abi;
  return x32Listed || data.nr < 0x8000_0000 ? 'x32' : 'x86_64';
}

/** The value that a condition means to a 32 bit argument: a sign-extended negative number is that number. */
const meant = (value: bigint, wide: boolean): bigint => (!wide && value >= 0xffff_ffff_8000_0000n ? value & 0xffff_ffffn : value);

function holds({ op, value, valueTwo = 0 }: OciSeccompArg, given: bigint, wide: boolean): boolean {
  const first = BigInt(value);
  const bound = meant(first, wide);
  switch (op) {
    case 'SCMP_CMP_EQ':
      return given === bound;
    case 'SCMP_CMP_NE':
      return given !== bound;
    case 'SCMP_CMP_LT':
      return given < bound;
    case 'SCMP_CMP_LE':
      return given <= bound;
    case 'SCMP_CMP_GT':
      return given > bound;
    case 'SCMP_CMP_GE':
      return given >= bound;
    case 'SCMP_CMP_MASKED_EQ':
      return (given & first) === (meant(BigInt(valueTwo), wide) & first);
  }
}

/** Conditions that hold for every value: of a mask, with nothing in it; of a comparison, with the smallest or largest bound. */
function alwaysHolds({ op, value, valueTwo = 0 }: OciSeccompArg, wide: boolean): boolean {
  const largest = wide ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
  const bound = meant(BigInt(value), wide);
  if (op === 'SCMP_CMP_MASKED_EQ') return (BigInt(value) & largest) === 0n && (meant(BigInt(valueTwo), wide) & BigInt(value)) === 0n;
  if (op === 'SCMP_CMP_GE') return bound === 0n;
  if (op === 'SCMP_CMP_LE') return bound >= largest;
  return (op === 'SCMP_CMP_LT' || op === 'SCMP_CMP_NE') && bound > largest;
}

/** Which of two rules that hold is asked first; by the condition on the lowest argument of each. */
function before(a: Rule, b: Rule, wide: (arg: OciSeccompArg) => boolean): number {
  const rank = (rule: Rule): readonly (number | bigint)[] => {
    const [arg] = rule.args.filter((one) => !alwaysHolds(one, wide(one))).toSorted((one, other) => one.index - other.index);
    if (arg === undefined) return [99, 0, 0];
    const value = arg.op === 'SCMP_CMP_MASKED_EQ' ? meant(BigInt(arg.valueTwo ?? 0), wide(arg)) & BigInt(arg.value) : meant(BigInt(arg.value), wide(arg));
    if (['SCMP_CMP_LT', 'SCMP_CMP_LE'].includes(arg.op)) return [5 - arg.index, 2, value];
    return [5 - arg.index, ['SCMP_CMP_GE', 'SCMP_CMP_GT'].includes(arg.op) ? 3 : 1, -value];
  };
  const [ours, others] = [rank(a), rank(b)];
  for (const [index, one] of ours.entries()) {
    const other = others[index] ?? 0;
    if (one !== other) return one < other ? -1 : 1;
  }
  return 0;
}

function alternativesOf({ action, errnoRet, args = [] }: Entry): Rule[] {
  const twice = args.some((arg, index) => args.findIndex((other) => other.index === arg.index) !== index);
  return (twice ? args.map((arg) => [arg]) : [args]).map((some) => ({ action: text(action, errnoRet), args: some }));
}

/** The rules about a number, with the name by which each speaks of it. */
function rulesFor(profile: OciSeccomp, abi: SyscallAbi, nr: number): { readonly name: string; readonly rule: Rule }[] {
  const found: { name: string; rule: Rule }[] = [];
  const otherwise = text(profile.defaultAction, profile.defaultErrnoRet);
  for (const entry of profile.syscalls ?? []) {
    if (text(entry.action, entry.errnoRet) === otherwise) continue;
    for (const name of entry.names) {
      if (syscalls(abi).get(name) === nr) found.push(...alternativesOf(entry).map((rule) => ({ name, rule })));
      const multiplexed = abi === 'i386' ? multiplexedCall(name) : undefined;
      if (multiplexed === undefined || syscalls(abi).get(multiplexed.call) !== nr) continue;
      if ((entry.args ?? []).length > 0 && through.includes(entry.action)) continue;
      const args: OciSeccompArg[] = [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: multiplexed.mask, valueTwo: multiplexed.number }];
      found.push({ name: multiplexed.call, rule: { action: text(entry.action, entry.errnoRet), args } });
    }
  }
  return found;
}

function isNewer(profile: OciSeccomp, abi: SyscallAbi, nr: number): boolean {
  if (through.includes(profile.defaultAction)) return false;
  const called = (name: string): string[] => [name, ...(abi === 'i386' ? [multiplexedCall(name)?.call ?? name] : [])];
  const numbers = (profile.syscalls ?? []).flatMap(({ names }) => names.flatMap(called).flatMap((name) => syscalls(abi).get(name) ?? []));
  const start = abi === 'x32' ? x32Bit : 0;
  if (!numbers.some((number) => number > start)) return false;
  const privateCalls = (number: number): boolean => abi === 'arm' && number >= 0x0f_0000;
  return numbers.filter((number) => privateCalls(number) === privateCalls(nr)).every((number) => number < nr);
}

/** What must happen to a call under a profile: `allow`, `errno 1`, `kill process` and so on. */
export function evaluate(profile: OciSeccomp, arch: SeccompArch, data: SeccompData): string {
  const listed = new Set<SyscallAbi>([archFacts(arch).abis[0], ...archFacts(arch).abis.filter((abi) => profile.architectures?.includes(abiFacts(abi).oci))]);
  const abi = conventionOf(arch, data, listed.has('x32'));
  if (abi === undefined || !listed.has(abi)) return 'kill process';
  const found = rulesFor(profile, abi, data.nr);
  const isWide = (name: string, arg: OciSeccompArg): boolean => abiFacts(abi).registerBits === 64 && !isNarrow(name, arg.index);
  const unconditional = found.find(({ name, rule }) => rule.args.every((arg) => arg.op === 'SCMP_CMP_MASKED_EQ' && alwaysHolds(arg, isWide(name, arg))));
  if (unconditional !== undefined) return unconditional.rule.action;
  const holding = found.filter(({ name, rule }) =>
    rule.args.every((arg) => {
      const given = data.args?.[arg.index] ?? 0n;
      return holds(arg, isWide(name, arg) ? given : given & 0xffff_ffffn, isWide(name, arg));
    }),
  );
  const [first] = holding.toSorted((a, b) => before(a.rule, b.rule, (arg) => isWide(a.name, arg)));
  if (first !== undefined) return first.rule.action;
  return isNewer(profile, abi, data.nr) && !found.some(({ rule }) => rule.args.length === 0) ? 'errno 38' : text(profile.defaultAction, profile.defaultErrnoRet);
}

import { GantryError } from '@gantry/errors';
import type { OciSeccomp, OciSeccompAction, OciSeccompArg } from '@gantry/oci';
import { actionCode, letsThrough } from './actions.ts';
import { abiFacts, abiOfOciName, archFacts, armPrivateBase, maxNumber, x32Bit, type SeccompArch, type SyscallAbi } from './architecture.ts';
import { isNarrow } from './argument-widths.ts';
import { condition, type Condition } from './condition.ts';
import { multiplexedCall } from './multiplexed-calls.ts';
import { inOrder } from './rule-order.ts';
import { syscallNumber } from './syscall-table.ts';

/** All conditions must hold; one without conditions always does. */
export interface Rule {
  readonly conditions: readonly Condition[];
  readonly verdict: number;
}

/** Verdicts are `SECCOMP_RET_*` words. With rules: the first that holds, else the default. */
export type Decision = { readonly verdict: number } | { readonly rules: readonly Rule[] };

/** What a profile says about one calling convention. */
export interface Policy {
  readonly abi: SyscallAbi;
  readonly otherwise: number;
  readonly decisions: ReadonlyMap<number, Decision>;
  /** First and last of the numbers above everything the profile names: calls newer than the profile, answered with `ENOSYS`. */
  readonly unknown: readonly (readonly [first: number, last: number])[];
}

interface Entry {
  readonly name: string;
  readonly field: string;
  readonly action: OciSeccompAction;
  readonly verdict: number;
  readonly args: readonly OciSeccompArg[];
}

/** Bounds what one profile can make us do. Real ones name some 500 calls, and test few arguments of each. */
const maxEntries = 10_000;
const maxConditionsPerCall = 500;

function tooLarge(how: string): GantryError {
  return new GantryError('invalid', 'seccomp-profile-too-large', `The seccomp profile ${how}; make it shorter`);
}

function listedAbis(profile: OciSeccomp, arch: SeccompArch): SyscallAbi[] {
  const known = archFacts(arch).abis;
  const wanted = new Set<SyscallAbi>([known[0]]);
  for (const [index, name] of (profile.architectures ?? []).entries()) {
    const abi = abiOfOciName(name);
    if (abi === undefined) {
      throw new GantryError('invalid', 'seccomp-architecture-unknown', `The seccomp profile's architectures[${index}] is ${JSON.stringify(name)}, which is no architecture of the OCI runtime specification`, { details: { architecture: name } });
    }
    if (abi !== 'foreign') wanted.add(abi);
  }
  return known.filter((abi) => wanted.has(abi));
}

function entriesOf(profile: OciSeccomp): Entry[] {
  const entries: Entry[] = [];
  for (const [index, { names, action, errnoRet, args }] of (profile.syscalls ?? []).entries()) {
    const verdict = actionCode(action, errnoRet, `syscalls[${index}].action`);
    for (const name of names) entries.push({ name, field: `syscalls[${index}]`, action, verdict, args: args ?? [] });
    if (entries.length > maxEntries) throw tooLarge(`names more than ${maxEntries} system calls`);
  }
  return entries;
}

/** runc's rule: two conditions on one argument are alternatives; on different arguments all must hold. */
function alternatives(args: readonly OciSeccompArg[]): readonly (readonly OciSeccompArg[])[] {
  const repeated = new Set(args.map(({ index }) => index)).size < args.length;
  return repeated ? args.map((arg) => [arg]) : [args];
}

interface Found extends Rule {
  readonly unconditional: boolean;
}

/** Collects the rules of one convention. */
class Collector {
  readonly #found = new Map<number, Found[]>();
  readonly #tests = new Map<number, number>();
  readonly #abi: SyscallAbi;

  constructor(abi: SyscallAbi) {
    this.#abi = abi;
  }

  add(entry: Entry): void {
    const number = syscallNumber(this.#abi, entry.name);
    if (number !== undefined) {
      for (const args of alternatives(entry.args)) this.#addRule(number, entry, args);
    }
    if (this.#abi === 'i386') this.#addMultiplexed(entry);
  }

  #addRule(number: number, entry: Entry, args: readonly OciSeccompArg[]): void {
    const conditions: Condition[] = [];
    for (const [index, arg] of args.entries()) {
      const narrow = abiFacts(this.#abi).registerBits === 32 || isNarrow(entry.name, arg.index);
      const tested = condition(arg, narrow ? 32 : 64, `${entry.field}.args[${index}]`);
      if (tested === false) return;
      if (tested !== true) conditions.push(tested);
    }
    // A mask of nothing is no condition to libseccomp; a comparison that always holds is one, and only comes last.
    const unconditional = conditions.length === 0 && args.every(({ op }) => op === 'SCMP_CMP_MASKED_EQ');
    this.#push(number, { conditions, verdict: entry.verdict, unconditional });
  }

  /**
   * A rule for `socket` also speaks for `socketcall(SYS_SOCKET)`, as with libseccomp. A rule with conditions cannot:
   * the arguments are in memory. If it would let calls through, the multiplexed call stays with the default; if it
   * would stop them, the multiplexed call is stopped whatever its arguments are.
   */
  #addMultiplexed({ name, action, verdict, args, field }: Entry): void {
    const multiplexed = multiplexedCall(name);
    if (multiplexed === undefined || (args.length > 0 && letsThrough(action))) return;
    const number = syscallNumber(this.#abi, multiplexed.call);
    const tested = condition({ index: 0, value: multiplexed.mask, valueTwo: multiplexed.number, op: 'SCMP_CMP_MASKED_EQ' }, 32, field);
    if (number !== undefined && typeof tested === 'object') this.#push(number, { conditions: [tested], verdict, unconditional: false });
  }

  #push(number: number, rule: Found): void {
    const tests = (this.#tests.get(number) ?? 0) + rule.conditions.length;
    if (tests > maxConditionsPerCall) throw tooLarge(`tests the arguments of system call ${number} (${this.#abi}) more than ${maxConditionsPerCall} times`);
    this.#tests.set(number, tests);
    const rules = this.#found.get(number);
    if (rules === undefined) this.#found.set(number, [rule]);
    else rules.push(rule);
  }

  /** As in libseccomp, the first rule without conditions outweighs every rule with conditions, wherever they stand. */
  decisions(): Map<number, Decision> {
    const decisions = new Map<number, Decision>();
    for (const [number, rules] of this.#found) {
      const first = rules.find(({ unconditional }) => unconditional);
      decisions.set(number, first === undefined ? { rules: inOrder(rules) } : { verdict: first.verdict });
    }
    return decisions;
  }
}

/**
 * A program that tries a new call and is told `EPERM` gives up, where `ENOSYS` makes it take the older call. So numbers
 * above every one that the profile names get `ENOSYS`, as runc does it; unless its default lets calls through. arm's
 * private calls are a range of their own, or the whole space below them would count as known.
 */
function unknownNumbers(abi: SyscallAbi, numbers: readonly number[]): Policy['unknown'] {
  const ranges = abi === 'arm' ? [[0, armPrivateBase - 1], [armPrivateBase, maxNumber]] as const : abi === 'x86_64' ? [[0, x32Bit - 1]] as const : [[abi === 'x32' ? x32Bit : 0, maxNumber]] as const;
  // As in runc, where a profile that names call 0 alone counts as naming none.
  if (numbers.every((number) => number === 0 || number === ranges[0][0])) return [];
  return ranges.map(([first, last]) => [numbers.reduce((most, number) => (number >= first && number <= last && number >= most ? number + 1 : most), first), last] as const);
}

function policyFor(abi: SyscallAbi, entries: readonly Entry[], otherwise: number, enosys: boolean): Policy {
  const collector = new Collector(abi);
  const numbers: number[] = [];
  for (const entry of entries) {
    const older = abi === 'i386' ? multiplexedCall(entry.name)?.call : undefined;
    for (const name of older === undefined ? [entry.name] : [entry.name, older]) {
      const number = syscallNumber(abi, name);
      if (number !== undefined) numbers.push(number);
    }
    // A rule that does what happens anyway is no rule: it must not outweigh another one (runc skips it too).
    if (entry.verdict !== otherwise) collector.add(entry);
  }
  return { abi, otherwise, decisions: collector.decisions(), unknown: enosys ? unknownNumbers(abi, numbers) : [] };
}

/**
 * A profile as decisions by number, for each convention that it lists and this architecture has; the native one always.
 * Names that no table knows are passed over, as runc does.
 *
 * @throws GantryError `invalid` `seccomp-profile-invalid`, `seccomp-architecture-unknown`, `seccomp-profile-too-large`
 */
export function resolvePolicies(profile: OciSeccomp, arch: SeccompArch): Policy[] {
  const otherwise = actionCode(profile.defaultAction, profile.defaultErrnoRet, 'defaultAction');
  const entries = entriesOf(profile);
  const enosys = !letsThrough(profile.defaultAction);
  return listedAbis(profile, arch).map((abi) => policyFor(abi, entries, otherwise, enosys));
}

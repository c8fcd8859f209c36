import { describeAction } from './actions.ts';
import { argumentsThatMatter } from './explore.ts';
import { run, type Instruction } from './interpreter.ts';
import { abiFacts, x32Bit, type SyscallAbi } from '../../../src/seccomp/architecture.ts';

/** One question to a filter. */
export interface Question {
  /** A convention, or a name for the architecture that no kernel has. */
  readonly abi: SyscallAbi | 'none';
  /** Without x32's bit. */
  readonly nr: number;
  /** Trailing zeroes left off. */
  readonly args: readonly bigint[];
}

/** Past every number that a kernel has. */
const numbersAsked = 700;

/** Where the number space is odd: ends of halves, a number a tracer leaves to skip a call. */
const oddNumbers = [1024, 0x3fff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** arm's private calls and what is around them. */
const armNumbers = Array.from({ length: 10 }, (_, index) => 0x0f_0000 + index);

/** What a filter does to a call. */
export function answer(filter: readonly Instruction[], { abi, nr, args }: Question): string {
  const arch = abi === 'none' ? 0xdead_beef : abiFacts(abi).audit;
  return describeAction(run(filter, { arch, nr: abi === 'x32' ? x32Bit + nr : nr, args }).action);
}

function trimmed(args: readonly bigint[]): bigint[] {
  return args.slice(0, args.findLastIndex((value) => value !== 0n) + 1);
}

/** Every question whose answer tells something about a filter, for these conventions; or of these numbers only. */
export function questionsTo(filter: readonly Instruction[], abis: readonly SyscallAbi[], numbers?: (abi: SyscallAbi) => readonly number[]): Question[] {
  const plain: Question[] = [{ abi: 'none', nr: 0, args: [] }];
  for (const abi of abis) {
    if (numbers !== undefined) {
      for (const nr of numbers(abi)) plain.push({ abi, nr, args: [] });
      continue;
    }
    const odd = abi === 'x32' ? [] : abi === 'arm' ? [...armNumbers, ...oddNumbers] : oddNumbers;
    for (const nr of [...Array.from({ length: numbersAsked }, (_, index) => index), ...odd]) plain.push({ abi, nr, args: [] });
  }
  return plain.flatMap((question) => {
    if (question.abi === 'none') return [question];
    const call = { arch: abiFacts(question.abi).audit, nr: question.abi === 'x32' ? x32Bit + question.nr : question.nr };
    return argumentsThatMatter(filter, call).map((args) => ({ ...question, args: trimmed(args) }));
  });
}

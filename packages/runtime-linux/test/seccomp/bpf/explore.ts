import { run, type Instruction, type SeccompData, type WordTest } from './interpreter.ts';

/** Enough for every policy that is compared here: the largest has some sixty. */
const maxVectors = 2000;

const word = (args: readonly bigint[], offset: number): bigint => ((args[(offset - 16) >> 3] ?? 0n) >> (offset % 8 === 0 ? 0n : 32n)) & 0xffff_ffffn;

function withWord(args: readonly bigint[], offset: number, value: bigint): bigint[] {
  const made = Array.from({ length: 6 }, (_, index) => args[index] ?? 0n);
  const index = (offset - 16) >> 3;
  const old = made[index] ?? 0n;
  made[index] = offset % 8 === 0 ? (old & 0xffff_ffff_0000_0000n) | value : (old & 0xffff_ffffn) | (value << 32n);
  return made;
}

/** Values on both sides of a test, within the bits that it looks at. */
function around({ mask, k }: WordTest): bigint[] {
  const parts = BigInt(mask === 0xffff_ffff ? k : mask);
  const bits = Array.from({ length: 32 }, (_, bit) => 1n << BigInt(bit)).filter((bit) => (parts & bit) !== 0n);
  return [...new Set([BigInt(k) - 1n, BigInt(k), BigInt(k) + 1n, 0n, 0xffff_ffffn, ...bits])].filter((value) => value >= 0n && value <= 0xffff_ffffn);
}

const nameOf = (args: readonly bigint[]): string => args.join();

/**
 * Arguments with which a call can take every way through a program: from zeroes on, each test of an argument on a way
 * gives new arguments at its borders. A call whose arguments nobody looks at gives the zeroes alone.
 */
export function argumentsThatMatter(program: readonly Instruction[], call: SeccompData): bigint[][] {
  const open: bigint[][] = [[0n, 0n, 0n, 0n, 0n, 0n]];
  const seen = new Map<string, bigint[]>();
  for (let args = open.pop(); args !== undefined; args = open.pop()) {
    if (seen.has(nameOf(args))) continue;
    if (seen.size > maxVectors) throw new Error(`call ${call.nr} has more than ${maxVectors} ways`);
    seen.set(nameOf(args), args);
    const tests: WordTest[] = [];
    run(program, { ...call, args }, (test) => test.offset >= 16 && tests.push(test));
    for (const test of tests) {
      const mask = BigInt(test.mask);
      for (const value of around(test)) open.push(withWord(args, test.offset, (word(args, test.offset) & ~mask & 0xffff_ffffn) | (value & mask)));
    }
  }
  return [...seen.values()];
}

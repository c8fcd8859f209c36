import { GantryError } from '@gantry/errors';
import type { OciSeccompArg, OciSeccompOp } from '@gantry/oci';

/** One comparison of an argument, after everything that can be known beforehand has been worked out. */
export interface Condition {
  /** 0 to 5. */
  readonly index: number;
  /** How much of the register takes part; with 32, `value` and `mask` have no upper half. */
  readonly bits: 32 | 64;
  readonly op: 'eq' | 'ge' | 'gt' | 'masked';
  /** True when the condition holds where the comparison does not: `NE`, `LT`, `LE`. */
  readonly negated: boolean;
  readonly value: bigint;
  /** Of `masked`, never 0; otherwise unused. */
  readonly mask: bigint;
}

const most: Readonly<Record<32 | 64, bigint>> = { 32: 0xffff_ffffn, 64: 0xffff_ffff_ffff_ffffn };

/** A negative `int` written as a 64 bit number. */
const signExtended = 0xffff_ffff_8000_0000n;

const operators: Readonly<Record<OciSeccompOp, Pick<Condition, 'op' | 'negated'>>> = {
  SCMP_CMP_EQ: { op: 'eq', negated: false },
  SCMP_CMP_NE: { op: 'eq', negated: true },
  SCMP_CMP_GE: { op: 'ge', negated: false },
  SCMP_CMP_LT: { op: 'ge', negated: true },
  SCMP_CMP_GT: { op: 'gt', negated: false },
  SCMP_CMP_LE: { op: 'gt', negated: true },
  SCMP_CMP_MASKED_EQ: { op: 'masked', negated: false },
};

export function isOperator(value: unknown): value is OciSeccompOp {
  return typeof value === 'string' && Object.hasOwn(operators, value);
}

function invalid(field: string, problem: string): GantryError {
  return new GantryError('invalid', 'seccomp-profile-invalid', `The seccomp profile's ${field} ${problem}`, { details: { field } });
}

function unsigned(value: number | bigint | undefined, field: string): bigint {
  if (value === undefined) return 0n;
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw invalid(field, `is ${value}; give whole numbers above 2^53 as bigint`);
  const number = BigInt(value);
  if (number < 0n || number > most[64]) throw invalid(field, `is ${number}; it must be from 0 to 2^64 - 1`);
  return number;
}

/**
 * What a profile's argument means to a register of so many bits: a condition to test, or `true` or `false` where that
 * is known beforehand. With 32 bits a value that is a sign-extended negative number stands for that number.
 *
 * @throws GantryError `invalid` `seccomp-profile-invalid`
 */
export function condition(arg: OciSeccompArg, bits: 32 | 64, field: string): Condition | boolean {
  if (!Number.isInteger(arg.index) || arg.index < 0 || arg.index > 5) throw invalid(`${field}.index`, `is ${arg.index}; a system call has the arguments 0 to 5`);
  if (!isOperator(arg.op)) throw invalid(`${field}.op`, `is ${JSON.stringify(arg.op)}; it must be one of ${Object.keys(operators).join(', ')}`);
  const { op, negated } = operators[arg.op];
  const [first, second] = [unsigned(arg.value, `${field}.value`), unsigned(arg.valueTwo, `${field}.valueTwo`)];
  const narrowed = (value: bigint): bigint => (bits === 32 && value >= signExtended ? value & most[32] : value);

  if (op === 'masked') {
    // An OCI profile gives the mask first.
    const mask = first & most[bits];
    const value = narrowed(second) & first;
    if (value > most[bits]) return false;
    return mask === 0n ? true : { index: arg.index, bits, op, negated, value, mask };
  }
  const value = narrowed(first);
  if (value > most[bits]) return negated; // equal to it or beyond it: never
  if (op === 'ge' && value === 0n) return !negated;
  if (op === 'gt' && value === most[bits]) return negated;
  return { index: arg.index, bits, op, negated, value, mask: 0n };
}

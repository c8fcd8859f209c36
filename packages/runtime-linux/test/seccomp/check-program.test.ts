import { describe, expect, test } from 'vitest';
import { problemWithProgram } from '../../src/seccomp/check-program.ts';

type Instruction = readonly [code: number, jt: number, jf: number, k: number];

function program(...instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, [code, jt, jf, k]] of instructions.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k, true);
  }
  return bytes;
}

const allow: Instruction = [0x06, 0, 0, 0x7fff_0000];
const load = (offset: number): Instruction => [0x20, 0, 0, offset];

describe('a program is taken', () => {
  test.each([
    ['that only returns', program(allow)],
    ['that loads the last word', program(load(60), allow)],
    ['that jumps to its last instruction', program([0x15, 1, 0, 0], allow, allow)],
    ['of 4096 instructions', program(...Array.from({ length: 4096 }, () => allow))],
    ['that reads a scratch word which both ways wrote', program([0x15, 0, 2, 0], [0x02, 0, 0, 3], [0x05, 0, 0, 1], [0x02, 0, 0, 3], [0x60, 0, 0, 3], allow)],
  ])('%s', (_what, bytes) => {
    expect(problemWithProgram(bytes)).toBeUndefined();
  });
});

describe('a program is refused', () => {
  test.each([
    ['that is empty', program(), /1 to 4096/],
    ['that is cut', program(allow).subarray(0, 7), /1 to 4096/],
    ['of 4097 instructions', program(...Array.from({ length: 4097 }, () => allow)), /1 to 4096/],
    ['that loads past the data', program(load(64), allow), /offset 64/],
    ['that loads an unaligned word', program(load(6), allow), /offset 6/],
    ['that loads half a word', program([0x28, 0, 0, 0], allow), /0x28/],
    ['that jumps past the end', program([0x15, 1, 0, 0], allow), /past the end/],
    ['that jumps past the end always', program([0x05, 0, 0, 1], allow), /past the end/],
    ['that does not return', program(allow, load(0)), /returns nothing/],
    ['that shifts too far', program([0x64, 0, 0, 32], allow), /shifts by 32/],
    ['that divides by nothing', program([0x34, 0, 0, 0], allow), /divides by 0/],
    ['that reads what it did not write', program([0x60, 0, 0, 3], allow), /scratch word 3/],
    ['that reads what one way did not write', program([0x15, 0, 1, 0], [0x02, 0, 0, 3], [0x60, 0, 0, 3], allow), /scratch word 3/],
    ['that has no such scratch word', program([0x02, 0, 0, 16], allow), /scratch word 16/],
  ])('%s', (_what, bytes, problem) => {
    expect(problemWithProgram(bytes)).toMatch(problem);
  });
});

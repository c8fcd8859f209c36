import { GantryError } from '@gantry/errors';
import type { DevicePolicy } from './device-rules.ts';

/** struct bpf_insn: opcode u8, registers u8 (low half the destination), offset s16, immediate s32, all little-endian. */
const instructionBytes = 8;

/** What the verifier takes of a program (BPF_MAXINSNS was the limit before 5.2, and no policy needs more). */
const maxInstructions = 4096;

const op = {
  loadWord: 0x61, // BPF_LDX | BPF_MEM | BPF_W
  moveRegister: 0xbf, // BPF_ALU64 | BPF_MOV | BPF_X
  moveImmediate: 0xb7, // BPF_ALU64 | BPF_MOV | BPF_K
  andImmediate: 0x54, // BPF_ALU | BPF_AND | BPF_K
  shiftRight: 0x74, // BPF_ALU | BPF_RSH | BPF_K
  jumpNotEqual: 0x55, // BPF_JMP | BPF_JNE | BPF_K
  jumpNotEqualRegister: 0x5d, // BPF_JMP | BPF_JNE | BPF_X
  jumpEqual: 0x15, // BPF_JMP | BPF_JEQ | BPF_K
  exit: 0x95, // BPF_JMP | BPF_EXIT
} as const;

/** BPF_DEVCG_DEV_* */
const deviceType = { b: 1, c: 2 } as const;

interface Instruction {
  readonly code: number;
  readonly dst?: number;
  readonly src?: number;
  readonly offset?: number;
  readonly immediate?: number;
}

const [result, context, type, access, major, minor] = [0, 1, 2, 3, 4, 5];

/**
 * A program of type BPF_PROG_TYPE_CGROUP_DEVICE that decides as the version 1 controller does with this policy: an
 * access is an exception if one entry covers all of it (of an `allow` policy: if one touches any of it).
 *
 * @throws `GantryError` invalid `device-rules-too-many`
 */
export function deviceProgram(policy: DevicePolicy): Uint8Array {
  const isException = policy.default === 'deny' ? 1 : 0;
  const program: Instruction[] = [
    // struct bpf_cgroup_dev_ctx: { u32 access_type (access << 16 | type); u32 major; u32 minor; }
    { code: op.loadWord, dst: type, src: context, offset: 0 },
    { code: op.moveRegister, dst: access, src: type },
    { code: op.andImmediate, dst: type, immediate: 0xffff },
    { code: op.shiftRight, dst: access, immediate: 16 },
    { code: op.loadWord, dst: major, src: context, offset: 4 },
    { code: op.loadWord, dst: minor, src: context, offset: 8 },
  ];
  for (const entry of policy.exceptions) {
    // Each test jumps behind the entry's block; its offset is known once the block is complete.
    const tests: Instruction[] = [{ code: op.jumpNotEqual, dst: type, immediate: deviceType[entry.type] }];
    if (entry.major !== null) tests.push({ code: op.jumpNotEqual, dst: major, immediate: entry.major });
    if (entry.minor !== null) tests.push({ code: op.jumpNotEqual, dst: minor, immediate: entry.minor });
    tests.push({ code: op.moveRegister, dst: context, src: access }, { code: op.andImmediate, dst: context, immediate: entry.access });
    tests.push(policy.default === 'deny' ? { code: op.jumpNotEqualRegister, dst: context, src: access } : { code: op.jumpEqual, dst: context, immediate: 0 });
    const block = [...tests, { code: op.moveImmediate, dst: result, immediate: isException }, { code: op.exit }];
    program.push(...block.map((instruction, index) => (isJump(instruction) ? { ...instruction, offset: block.length - index - 1 } : instruction)));
  }
  program.push({ code: op.moveImmediate, dst: result, immediate: 1 - isException }, { code: op.exit });
  if (program.length > maxInstructions) {
    throw new GantryError('invalid', 'device-rules-too-many', `${policy.exceptions.length} device rules are more than a device program can hold`);
  }
  return encode(program);
}

function isJump({ code }: Instruction): boolean {
  return code === op.jumpNotEqual || code === op.jumpNotEqualRegister || code === op.jumpEqual;
}

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * instructionBytes);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, dst = 0, src = 0, offset = 0, immediate = 0 }, index) => {
    const at = index * instructionBytes;
    view.setUint8(at, code);
    view.setUint8(at + 1, (src << 4) | dst);
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, immediate, true);
  });
  return bytes;
}

/**
 * A classic BPF machine over `struct seccomp_data`, as the kernel runs a filter (Documentation/userspace-api/seccomp_filter.rst
 * and include/uapi/linux/filter.h), for programs that came from here, from libseccomp or from a dumped process.
 */

/** One system call as a filter sees it. */
export interface SeccompData {
  readonly arch: number;
  readonly nr: number;
  /** Six unsigned 64 bit registers; missing ones are 0. */
  readonly args?: readonly bigint[];
}

export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Little-endian `struct sock_filter`s. */
export function decodeProgram(bytes: Uint8Array): Instruction[] {
  if (bytes.length % 8 !== 0) throw new Error(`${bytes.length} bytes are no whole number of instructions`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 8 }, (_, index) => {
    const at = index * 8;
    return { code: view.getUint16(at, true), jt: view.getUint8(at + 2), jf: view.getUint8(at + 3), k: view.getUint32(at + 4, true) };
  });
}

/** The 64 bytes of `struct seccomp_data`, instruction pointer 0. */
function words({ arch, nr, args = [] }: SeccompData): Uint32Array {
  const data = new Uint32Array(16);
  data[0] = nr;
  data[1] = arch;
  for (const [index, value] of args.entries()) {
    data[4 + index * 2] = Number(value & 0xffff_ffffn);
    data[5 + index * 2] = Number((value >> 32n) & 0xffff_ffffn);
  }
  return data;
}

export interface Outcome {
  /** The `SECCOMP_RET_*` word. */
  readonly action: number;
  /** Whether any argument was looked at on the way. */
  readonly readArguments: boolean;
  /** Instructions executed. */
  readonly steps: number;
}

/** A test of a word of the data: what was compared, by which bits and with what. */
export interface WordTest {
  readonly offset: number;
  readonly mask: number;
  readonly k: number;
}

/** Runs a program; anything the kernel's checker would have refused is an error of the test. `seen` is told of every test. */
export function run(program: readonly Instruction[], call: SeccompData, seen?: (test: WordTest) => void): Outcome {
  const data = words(call);
  const memory = new Uint32Array(16);
  let a = 0;
  let x = 0;
  let pc = 0;
  let readArguments = false;
  let offset = 0;
  let mask = 0xffff_ffff;
  for (let steps = 1; steps <= 4096; steps++) {
    const at = program[pc++];
    if (at === undefined) throw new Error(`ran past the end at ${pc - 1}`);
    const { code, jt, jf, k } = at;
    const operand = (code & 0x08) === 0 ? k : x;
    if ((code & 0x07) === 0x05 && code !== 0x05) seen?.({ offset, mask, k });
    switch (code) {
      case 0x20: // ld [k]
        if (k % 4 !== 0 || k > 60) throw new Error(`load from ${k}`);
        a = data[k / 4] ?? 0;
        [offset, mask] = [k, 0xffff_ffff];
        if (k >= 16) readArguments = true;
        break;
      case 0x00: a = k; break;
      case 0x01: x = k; break;
      case 0x60: a = memory[k] ?? 0; break;
      case 0x61: x = memory[k] ?? 0; break;
      case 0x02: memory[k] = a; break;
      case 0x03: memory[k] = x; break;
      case 0x07: x = a; break;
      case 0x87: a = x; break;
      case 0x04: case 0x0c: a = (a + operand) >>> 0; break;
      case 0x14: case 0x1c: a = (a - operand) >>> 0; break;
      case 0x44: case 0x4c: a = (a | operand) >>> 0; break;
      case 0x54: case 0x5c:
        a = (a & operand) >>> 0;
        mask = (mask & operand) >>> 0;
        break;
      case 0xa4: case 0xac: a = (a ^ operand) >>> 0; break;
      case 0x64: case 0x6c: a = (a << operand) >>> 0; break;
      case 0x74: case 0x7c: a = a >>> operand; break;
      case 0x84: a = -a >>> 0; break;
      case 0x05: pc += k; break;
      case 0x15: case 0x1d: pc += a === operand ? jt : jf; break;
      case 0x25: case 0x2d: pc += a > operand ? jt : jf; break;
      case 0x35: case 0x3d: pc += a >= operand ? jt : jf; break;
      case 0x45: case 0x4d: pc += (a & operand) !== 0 ? jt : jf; break;
      case 0x06: return { action: k, readArguments, steps };
      case 0x16: return { action: a, readArguments, steps };
      default: throw new Error(`instruction 0x${code.toString(16)} at ${pc - 1}`);
    }
  }
  throw new Error('no end');
}

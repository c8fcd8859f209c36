/** `BPF_MAXINSNS` of linux/bpf_common.h. */
export const maxInstructions = 4096;

/** Size of `struct seccomp_data`: a filter may load its aligned words and nothing else. */
const dataSize = 64;

const scratchWords = 16;

const loadMemory: ReadonlySet<number> = new Set([0x60, 0x61]);
const storeMemory: ReadonlySet<number> = new Set([0x02, 0x03]);
const shifts: ReadonlySet<number> = new Set([0x64, 0x74]);
const divisions: ReadonlySet<number> = new Set([0x34]);
const conditional: ReadonlySet<number> = new Set([0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d]);
const returns: ReadonlySet<number> = new Set([0x06, 0x16]);
const always = 0x05;
const loadData = 0x20;

/** Everything that `seccomp_check_filter` lets pass: LD|W|ABS and LEN, LDX, ST, ALU, JMP, RET, TAX, TXA. */
const allowed: ReadonlySet<number> = new Set([
  loadData, 0x80, 0x81, 0x00, 0x01, 0x07, 0x87, always, 0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x54, 0x5c, 0x44, 0x4c, 0xa4, 0xac, 0x64, 0x6c, 0x74, 0x7c, 0x84,
  ...loadMemory, ...storeMemory, ...conditional, ...returns,
]);

/** Scratch words that are set on every way to an instruction, as bits. */
function problemWithMemory(view: DataView, length: number): string | undefined {
  const certain = new Uint16Array(length).fill(0xffff);
  let now = 0;
  const meet = (target: number): void => {
    certain[target] = (certain[target] ?? 0) & now;
  };
  for (let index = 0; index < length; index++) {
    const code = view.getUint16(index * 8, true);
    const k = view.getUint32(index * 8 + 4, true);
    now &= certain[index] ?? 0;
    if (storeMemory.has(code)) now |= 1 << k;
    else if (loadMemory.has(code) && (now & (1 << k)) === 0) return `instruction ${index} reads scratch word ${k} before it is written`;
    else if (code === always) {
      meet(index + 1 + k);
      now = 0xffff;
    } else if (conditional.has(code)) {
      meet(index + 1 + view.getUint8(index * 8 + 2));
      meet(index + 1 + view.getUint8(index * 8 + 3));
      now = 0xffff;
    }
  }
  return undefined;
}

/**
 * What the kernel would refuse a filter for, by the rules of `bpf_check_classic` (net/core/filter.c) and
 * `seccomp_check_filter` (kernel/seccomp.c); `undefined` for a program that it takes.
 */
export function problemWithProgram(bytes: Uint8Array): string | undefined {
  const length = bytes.length / 8;
  if (!Number.isInteger(length) || length === 0 || length > maxInstructions) return `${bytes.length} bytes are not 1 to ${maxInstructions} instructions`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let index = 0; index < length; index++) {
    const code = view.getUint16(index * 8, true);
    const k = view.getUint32(index * 8 + 4, true);
    const rest = length - index - 1;
    if (!allowed.has(code)) return `instruction ${index} has the code 0x${code.toString(16)}`;
    if (code === loadData && (k % 4 !== 0 || k >= dataSize)) return `instruction ${index} loads from offset ${k}`;
    if ((loadMemory.has(code) || storeMemory.has(code)) && k >= scratchWords) return `instruction ${index} uses scratch word ${k}`;
    if (shifts.has(code) && k >= 32) return `instruction ${index} shifts by ${k}`;
    if (divisions.has(code) && k === 0) return `instruction ${index} divides by 0`;
    if (code === always && k >= rest) return `instruction ${index} jumps past the end`;
    if (conditional.has(code) && Math.max(view.getUint8(index * 8 + 2), view.getUint8(index * 8 + 3)) >= rest) return `instruction ${index} jumps past the end`;
  }
  if (!returns.has(view.getUint16((length - 1) * 8, true))) return 'the last instruction returns nothing';
  return problemWithMemory(view, length);
}

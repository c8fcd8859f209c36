/** Interprets the few instructions that device programs are made of, so that a test runs what the kernel would run. */
export function runDeviceProgram(program: Uint8Array, access: { readonly type: 'b' | 'c'; readonly access: number; readonly major: number; readonly minor: number }): boolean {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const memory = [((access.access << 16) | (access.type === 'b' ? 1 : 2)) >>> 0, access.major, access.minor];
  const registers = Array.from({ length: 11 }, () => 0);
  for (let pc = 0, steps = 0; steps < 10_000; pc += 1, steps += 1) {
    const at = pc * 8;
    const code = view.getUint8(at);
    const dst = view.getUint8(at + 1) & 15;
    const src = view.getUint8(at + 1) >> 4;
    const offset = view.getInt16(at + 2, true);
    const immediate = view.getInt32(at + 4, true);
    const value = registers[dst] ?? 0;
    const other = registers[src] ?? 0;
    if (code === 0x95) return registers[0] !== 0;
    if (code === 0x61) registers[dst] = memory[offset / 4] ?? Number.NaN;
    else if (code === 0xbf) registers[dst] = other;
    else if (code === 0xb7) registers[dst] = immediate;
    else if (code === 0x54) registers[dst] = (value & immediate) >>> 0;
    else if (code === 0x74) registers[dst] = value >>> immediate;
    else if (code === 0x55) pc += value === immediate ? 0 : offset;
    else if (code === 0x5d) pc += value === other ? 0 : offset;
    else if (code === 0x15) pc += value === immediate ? offset : 0;
    else throw new Error(`instruction ${pc}: unknown code ${code}`);
  }
  throw new Error('the program does not end');
}

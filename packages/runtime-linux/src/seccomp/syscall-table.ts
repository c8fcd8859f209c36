import { x32Bit, type SyscallAbi } from './architecture.ts';
import { columns, rows } from './syscall-numbers.generated.ts';

type Numbers = ReadonlyMap<string, number>;

let tables: Readonly<Record<SyscallAbi, Numbers>> | undefined;

/** 500 lines, read when the first filter is made and not at every start of the daemon. */
function readTables(): Readonly<Record<SyscallAbi, Numbers>> {
  const read: Record<SyscallAbi, Map<string, number>> = { x86_64: new Map(), i386: new Map(), x32: new Map(), aarch64: new Map(), arm: new Map(), riscv64: new Map() };
  for (const row of rows.trimEnd().split('\n')) {
    const [name = '', ...cells] = row.split(' ');
    for (const [index, abi] of columns.entries()) {
      const cell = cells[index];
      if (cell === undefined || cell === '-') continue;
      read[abi].set(name, abi === 'x32' ? x32Bit + Number(cell) : Number(cell));
    }
  }
  return read;
}

/** Every system call of a convention by name; x32 numbers carry their bit. */
export function syscalls(abi: SyscallAbi): Numbers {
  tables ??= readTables();
  return tables[abi];
}

/** The number of a system call, or `undefined` where the convention has no call of that name. */
export function syscallNumber(abi: SyscallAbi, name: string): number | undefined {
  return syscalls(abi).get(name);
}

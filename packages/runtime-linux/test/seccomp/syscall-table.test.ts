import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { x32Bit, type SyscallAbi } from '../../src/seccomp/architecture.ts';
import { allowedByCapability, allowedOnArch, allowedSinceFilterAfterTrace, alwaysAllowed } from '../../src/seccomp/default-syscalls.ts';
import { syscallNumber, syscalls } from '../../src/seccomp/syscall-table.ts';

const abis: readonly SyscallAbi[] = ['x86_64', 'i386', 'x32', 'aarch64', 'arm', 'riscv64'];

test('numbers that everybody knows', () => {
  const names = ['read', 'execve', 'openat', 'clone3'];
  expect(abis.map((abi) => names.map((name) => syscallNumber(abi, name)))).toEqual([
    [0, 59, 257, 435],
    [3, 11, 295, 435],
    [x32Bit, x32Bit + 520, x32Bit + 257, x32Bit + 435],
    [63, 221, 56, 435],
    [3, 11, 322, 435],
    [63, 221, 56, 435],
  ]);
});

test.each(abis)('%s reaches the calls of Linux 6.18 and its numbers are different', (abi) => {
  expect(syscallNumber(abi, 'file_setattr')).toBe(abi === 'x32' ? x32Bit + 469 : 469);
  const numbers = [...syscalls(abi)].filter(([name]) => name !== 'sync_file_range2').map(([, number]) => number);
  expect(new Set(numbers).size).toBe(numbers.length);
});

test('every name of the default policy is a call of some architecture, and stands once', () => {
  const always = [...alwaysAllowed.flat(), ...Object.values(allowedOnArch).flat()];
  const names = [...always, ...allowedByCapability.flatMap(([, some]) => some), ...allowedSinceFilterAfterTrace];
  expect(names.filter((name) => abis.every((abi) => syscallNumber(abi, name) === undefined))).toEqual([]);
  expect(always.filter((name, index) => always.indexOf(name) !== index)).toEqual([]);
});

/** Where Debian and others put this machine's headers, older or newer than the table. */
const headers = '/usr/include/x86_64-linux-gnu/asm';

describe.skipIf(!existsSync(headers))("this machine's headers", () => {
  test.each([
    ['x86_64', 'unistd_64.h', 330],
    ['i386', 'unistd_32.h', 400],
    ['x32', 'unistd_x32.h', 330],
  ] as const)('%s says the same', (abi, file, atLeast) => {
    const text = readFileSync(`${headers}/${file}`, 'utf8');
    const defined = [...text.matchAll(/^#define __NR_(\w+) \(?(__X32_SYSCALL_BIT \+ )?(\d+)\)?$/gm)].map(([, name = '', bit, number]) => [name, Number(number) + (bit === undefined ? 0 : x32Bit)] as const);
    expect(defined.length).toBeGreaterThan(atLeast);
    expect(defined.filter(([name, number]) => syscallNumber(abi, name) !== number && number - (abi === 'x32' ? x32Bit : 0) <= 471)).toEqual([]);
  });
});

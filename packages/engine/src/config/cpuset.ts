import { badConfig } from './invalid.ts';

/** A machine has at most so many (`CONFIG_NR_CPUS` of the Linux kernel). */
const maxCpu = 8191;

/**
 * The numbers in a list such as `0-3,5`.
 * @throws GantryError invalid `bad-container-config`.
 */
export function parseCpuset(field: string, text: string): ReadonlySet<number> {
  const bad = badConfig(field, `Invalid value ${text} for ${field.split('.').at(-1) ?? field}`);
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    const [, first, last = first] = /^\s*(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) > maxCpu) throw bad;
    for (let n = Number(first); n <= Number(last); n++) numbers.add(n);
  }
  return numbers;
}

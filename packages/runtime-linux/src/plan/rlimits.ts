import type { OciProcess } from '@gantry/oci';
import { badField } from './field.ts';

/** getrlimit(2); numbers of include/uapi/asm-generic/resource.h, the same on x86_64 and arm64. */
const numbers: ReadonlyMap<string, number> = new Map([
  ['RLIMIT_CPU', 0],
  ['RLIMIT_FSIZE', 1],
  ['RLIMIT_DATA', 2],
  ['RLIMIT_STACK', 3],
  ['RLIMIT_CORE', 4],
  ['RLIMIT_RSS', 5],
  ['RLIMIT_NPROC', 6],
  ['RLIMIT_NOFILE', 7],
  ['RLIMIT_MEMLOCK', 8],
  ['RLIMIT_AS', 9],
  ['RLIMIT_LOCKS', 10],
  ['RLIMIT_SIGPENDING', 11],
  ['RLIMIT_MSGQUEUE', 12],
  ['RLIMIT_NICE', 13],
  ['RLIMIT_RTPRIO', 14],
  ['RLIMIT_RTTIME', 15],
]);

const infinity = 2n ** 64n - 1n;

/** `[resource, soft, hard]`, the limits as decimal text since they are unsigned 64-bit numbers. */
export type Rlimit = readonly [resource: number, soft: string, hard: string];

/**
 * The resource limits of a process. -1 and whatever a JavaScript number can't tell from 2^64 - 1 mean no limit.
 *
 * @throws `GantryError` invalid: an unknown name, one given twice, soft above hard
 */
export function rlimits(list: OciProcess['rlimits'], field = 'process.rlimits'): readonly Rlimit[] {
  const seen = new Set<string>();
  return (list ?? []).map(({ type, soft, hard }, index) => {
    const at = `${field}[${index}]`;
    const resource = numbers.get(type);
    if (resource === undefined) throw badField(`${at}.type`, 'is not a resource limit of Linux, such as RLIMIT_NOFILE', type);
    if (seen.has(type)) throw badField(`${at}.type`, 'is given twice', type);
    seen.add(type);
    const [low, high] = [limit(soft, `${at}.soft`), limit(hard, `${at}.hard`)];
    if (low > high) throw badField(`${at}.soft`, `must not be above hard (${hard})`, soft);
    return [resource, low.toString(), high.toString()] as const;
  });
}

function limit(value: number, field: string): bigint {
  if (value === -1 || value >= 2 ** 63) return infinity;
  if (!Number.isInteger(value) || value < 0) throw badField(field, 'must be a whole number, or -1 for no limit', value);
  return BigInt(value);
}

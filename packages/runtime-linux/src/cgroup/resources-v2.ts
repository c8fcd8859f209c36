import { GantryError } from '@gantry/errors';
import type { OciResources } from '@gantry/oci';
import type { CurrentLimits, Write } from './resources.ts';

const defaultPeriod = 100_000;

/** Files and units of the kernel's documentation "admin-guide/cgroup-v2"; units that differ are converted. The resources are already checked. */
export function v2Resources(write: Write, { memory, cpu, pids, blockIO }: OciResources, current: CurrentLimits, field: string): void {
  const { limit = 0, swap = 0 } = memory ?? {};
  // swap counts memory too, memory.swap.max does not.
  if (swap === -1) write('memory', 'memory.swap', 'memory.swap.max', 'max');
  if (swap > 0) write('memory', 'memory.swap', 'memory.swap.max', String(swap - limit));
  if (limit !== 0) write('memory', 'memory.limit', 'memory.max', orMax(limit));
  if (memory?.reservation !== undefined && memory.reservation !== 0) write('memory', 'memory.reservation', 'memory.low', orMax(memory.reservation));
  if (memory?.swappiness !== undefined) throw unsupported(`${field}.memory.swappiness`);
  if (memory?.disableOOMKiller === true) throw unsupported(`${field}.memory.disableOOMKiller`);

  if (cpu?.shares !== undefined && cpu.shares !== 0) write('cpu', 'cpu.shares', 'cpu.weight', String(sharesToWeight(cpu.shares)));
  const { quota = 0, period = 0 } = cpu ?? {};
  if (quota !== 0 || period !== 0) {
    const kept = current.cpu ?? { quota: -1, period: defaultPeriod };
    const effective = quota === 0 ? kept.quota : quota;
    write('cpu', quota === 0 ? 'cpu.period' : 'cpu.quota', 'cpu.max', `${orMax(effective)} ${period === 0 ? kept.period : period}`);
  }
  if (cpu?.realtimePeriod !== undefined && cpu.realtimePeriod !== 0) throw unsupported(`${field}.cpu.realtimePeriod`);
  if (cpu?.realtimeRuntime !== undefined && cpu.realtimeRuntime !== 0) throw unsupported(`${field}.cpu.realtimeRuntime`);
  if (cpu?.cpus !== undefined && cpu.cpus !== '') write('cpuset', 'cpu.cpus', 'cpuset.cpus', cpu.cpus);
  if (cpu?.mems !== undefined && cpu.mems !== '') write('cpuset', 'cpu.mems', 'cpuset.mems', cpu.mems);

  if (pids !== undefined) write('pids', 'pids.limit', 'pids.max', pids.limit > 0 ? String(pids.limit) : 'max');

  // The file of the scheduler in use: BFQ's has the scale of version 1.
  const weightFiles = ['io.bfq.weight', 'io.weight'];
  const scaled = (weight: number) => (file: string): number => (file === 'io.weight' ? blkioToIoWeight(weight) : weight);
  if (blockIO?.weight !== undefined && blockIO.weight !== 0) {
    const value = scaled(blockIO.weight);
    write('io', 'blockIO.weight', weightFiles, (file) => `default ${value(file)}`);
  }
  for (const { major, minor, weight } of blockIO?.weightDevice ?? []) {
    const value = scaled(weight);
    write('io', 'blockIO.weightDevice', weightFiles, (file) => `${major}:${minor} ${value(file)}`);
  }
  for (const [name, key] of throttles) {
    for (const { major, minor, rate } of blockIO?.[name] ?? []) write('io', `blockIO.${name}`, 'io.max', `${major}:${minor} ${key}=${rate === 0 ? 'max' : rate}`);
  }
}

const throttles = [
  ['throttleReadBpsDevice', 'rbps'],
  ['throttleWriteBpsDevice', 'wbps'],
  ['throttleReadIOPSDevice', 'riops'],
  ['throttleWriteIOPSDevice', 'wiops'],
] as const;

function orMax(value: number): string {
  return value < 0 ? 'max' : String(value);
}

/**
 * CPU shares (2..262144, default 1024) as a weight (1..10000, default 100). The curve goes through the three points
 * that matter, least, default and greatest, on a logarithmic scale: it keeps the default the default, which a straight
 * line between the ends does not (1024 would become 39).
 */
export function sharesToWeight(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const l = Math.log2(shares);
  // The parabola through (1, 0), (10, 2) and (18, 4): log2 of the shares to log10 of the weight.
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}

/** Block I/O weights 10..1000 as 1..10000, straight. */
export function blkioToIoWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

function unsupported(field: string): GantryError {
  return new GantryError('notImplemented', 'resource-unsupported', `${field}: control groups of version 2 have no such setting: leave it out`, { details: { field } });
}

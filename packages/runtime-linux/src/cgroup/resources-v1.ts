import type { OciResources } from '@gantry/oci';
import type { CurrentLimits, Write } from './resources.ts';

/** Files and units of the kernel's documentation "admin-guide/cgroup-v1". The resources are already checked. */
export function v1Resources(write: Write, { memory, cpu, pids, blockIO }: OciResources, current: CurrentLimits): void {
  const { limit = 0, swap = 0 } = memory ?? {};
  const writeLimit = (): void => {
    if (limit !== 0) write('memory', 'memory.limit', 'memory.limit_in_bytes', String(limit));
  };
  const writeSwap = (): void => {
    if (swap !== 0) write('memory', 'memory.swap', 'memory.memsw.limit_in_bytes', String(swap));
  };
  // memory.limit may never be above memory.memsw.limit, so what grows past it goes second.
  const grows = swap === -1 || (swap > 0 && (current.memorySwap ?? Infinity) < (limit === -1 ? Infinity : limit));
  for (const step of grows ? [writeSwap, writeLimit] : [writeLimit, writeSwap]) step();
  if (memory?.reservation !== undefined && memory.reservation !== 0) write('memory', 'memory.reservation', 'memory.soft_limit_in_bytes', String(memory.reservation));
  if (memory?.swappiness !== undefined) write('memory', 'memory.swappiness', 'memory.swappiness', String(memory.swappiness));
  if (memory?.disableOOMKiller === true) write('memory', 'memory.disableOOMKiller', 'memory.oom_control', '1');

  if (cpu?.shares !== undefined && cpu.shares !== 0) write('cpu', 'cpu.shares', 'cpu.shares', String(cpu.shares));
  if (cpu?.period !== undefined && cpu.period !== 0) write('cpu', 'cpu.period', 'cpu.cfs_period_us', String(cpu.period));
  if (cpu?.quota !== undefined && cpu.quota !== 0) write('cpu', 'cpu.quota', 'cpu.cfs_quota_us', String(cpu.quota));
  if (cpu?.realtimePeriod !== undefined && cpu.realtimePeriod !== 0) write('cpu', 'cpu.realtimePeriod', 'cpu.rt_period_us', String(cpu.realtimePeriod));
  if (cpu?.realtimeRuntime !== undefined && cpu.realtimeRuntime !== 0) write('cpu', 'cpu.realtimeRuntime', 'cpu.rt_runtime_us', String(cpu.realtimeRuntime));
  if (cpu?.cpus !== undefined && cpu.cpus !== '') write('cpuset', 'cpu.cpus', 'cpuset.cpus', cpu.cpus);
  if (cpu?.mems !== undefined && cpu.mems !== '') write('cpuset', 'cpu.mems', 'cpuset.mems', cpu.mems);

  if (pids !== undefined) write('pids', 'pids.limit', 'pids.max', pids.limit > 0 ? String(pids.limit) : 'max');

  if (blockIO?.weight !== undefined && blockIO.weight !== 0) write('blkio', 'blockIO.weight', ['blkio.bfq.weight', 'blkio.weight'], String(blockIO.weight));
  for (const { major, minor, weight } of blockIO?.weightDevice ?? []) write('blkio', 'blockIO.weightDevice', ['blkio.bfq.weight_device', 'blkio.weight_device'], `${major}:${minor} ${weight}`);
  for (const [name, file] of throttles) {
    for (const { major, minor, rate } of blockIO?.[name] ?? []) write('blkio', `blockIO.${name}`, file, `${major}:${minor} ${rate}`);
  }
}

const throttles = [
  ['throttleReadBpsDevice', 'blkio.throttle.read_bps_device'],
  ['throttleWriteBpsDevice', 'blkio.throttle.write_bps_device'],
  ['throttleReadIOPSDevice', 'blkio.throttle.read_iops_device'],
  ['throttleWriteIOPSDevice', 'blkio.throttle.write_iops_device'],
] as const;

import type { Given } from '../types/given.ts';
import type { Resources, Ulimit } from '../types/index.ts';
import { parseCpuset } from './cpuset.ts';
import { badConfig } from './invalid.ts';

/** What of the machine a request is checked against. */
export interface MachineFacts {
  readonly cpus: number;
  readonly cgroup: 'v1' | 'v2';
  /** The kernel counts swap for each control group. */
  readonly swapLimit: boolean;
}

/** Docker's floor: below it no runtime can even start a process. */
const minMemory = 6 * 1024 * 1024;

const ulimitNames = ['core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile', 'nproc', 'rss', 'rtprio', 'rttime', 'sigpending', 'stack'];

/** With defaults filled in. @throws GantryError invalid `bad-container-config`, with Docker's sentences. */
export function resolveResources(given: Given<Resources>, machine: MachineFacts): { resources: Resources; warnings: string[] } {
  const warnings: string[] = [];
  const onlyV1 = (name: string, used: boolean): boolean => {
    if (used && machine.cgroup === 'v2') warnings.push(`Your kernel does not support ${name} (cgroup v2). It is ignored.`);
    return used && machine.cgroup === 'v1';
  };
  const swappiness = given.memorySwappiness === -1 ? null : (given.memorySwappiness ?? null);
  const memory = natural('resources.memory', given.memory);
  const resources: Resources = {
    memory,
    memorySwap: given.memorySwap === -1 ? -1 : natural('resources.memorySwap', given.memorySwap),
    memoryReservation: natural('resources.memoryReservation', given.memoryReservation),
    memorySwappiness: onlyV1('memory swappiness', swappiness !== null) ? swappiness : null,
    oomKillDisable: onlyV1('OomKillDisable', given.oomKillDisable === true) ? true : given.oomKillDisable === false ? false : null,
    oomScoreAdj: given.oomScoreAdj ?? 0,
    nanoCpus: natural('resources.nanoCpus', given.nanoCpus),
    cpuShares: natural('resources.cpuShares', given.cpuShares),
    cpuQuota: given.cpuQuota === -1 ? 0 : natural('resources.cpuQuota', given.cpuQuota),
    cpuPeriod: natural('resources.cpuPeriod', given.cpuPeriod),
    cpuRealtimePeriod: natural('resources.cpuRealtimePeriod', given.cpuRealtimePeriod),
    cpuRealtimeRuntime: natural('resources.cpuRealtimeRuntime', given.cpuRealtimeRuntime),
    cpusetCpus: given.cpusetCpus ?? '',
    cpusetMems: given.cpusetMems ?? '',
    pidsLimit: given.pidsLimit === undefined || given.pidsLimit === null || given.pidsLimit <= 0 ? null : natural('resources.pidsLimit', given.pidsLimit),
    blkioWeight: natural('resources.blkioWeight', given.blkioWeight),
    blkioWeightDevices: given.blkioWeightDevices ?? [],
    blkioReadBps: given.blkioReadBps ?? [],
    blkioWriteBps: given.blkioWriteBps ?? [],
    blkioReadIops: given.blkioReadIops ?? [],
    blkioWriteIops: given.blkioWriteIops ?? [],
    ulimits: (given.ulimits ?? []).map(checkUlimit),
    cgroupParent: checkCgroupParent(given.cgroupParent ?? ''),
  };
  checkMemory(resources);
  checkCpu(resources, machine);
  checkBlkio(resources);
  const { memorySwap, warning } = resolveSwap(resources, machine);
  if (warning !== undefined) warnings.push(warning);
  if (resources.oomScoreAdj < -1000 || resources.oomScoreAdj > 1000 || !Number.isInteger(resources.oomScoreAdj)) {
    throw badConfig('resources.oomScoreAdj', `Invalid value ${resources.oomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  if (resources.oomKillDisable === true && memory === 0) warnings.push('OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.');
  return { resources: { ...resources, memorySwap }, warnings };
}

/** Unless said otherwise, a container may swap as much as it may hold in memory. */
function resolveSwap({ memory, memorySwap }: Resources, { swapLimit }: MachineFacts): { memorySwap: number; warning?: string } {
  if (swapLimit) return { memorySwap: memory > 0 && memorySwap === 0 ? memory * 2 : memorySwap };
  if (memorySwap <= 0) return { memorySwap: memory > 0 ? -1 : memorySwap };
  return { memorySwap: -1, warning: 'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.' };
}

function natural(field: string, value: number | undefined): number {
  const n = value ?? 0;
  if (!Number.isSafeInteger(n) || n < 0) throw badConfig(field, `invalid value ${n} for ${field}: expected a whole number, 0 or more`);
  return n;
}

function checkMemory(r: Resources): void {
  if (r.memory > 0 && r.memory < minMemory) throw badConfig('resources.memory', 'Minimum memory limit allowed is 6MB');
  if (r.memorySwap > 0 && r.memory === 0) throw badConfig('resources.memorySwap', 'You should always set the Memory limit when using Memoryswap limit, see usage');
  if (r.memorySwap > 0 && r.memorySwap < r.memory) throw badConfig('resources.memorySwap', 'Minimum memoryswap limit should be larger than memory limit, see usage');
  if (r.memoryReservation > 0 && r.memoryReservation < minMemory) throw badConfig('resources.memoryReservation', 'Minimum memory reservation allowed is 6MB');
  if (r.memory > 0 && r.memoryReservation > r.memory) throw badConfig('resources.memoryReservation', 'Minimum memory limit can not be less than memory reservation limit, see usage');
  const swappiness = r.memorySwappiness;
  if (swappiness !== null && !(swappiness >= 0 && swappiness <= 100)) throw badConfig('resources.memorySwappiness', `Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
}

function checkCpu(r: Resources, { cpus }: MachineFacts): void {
  if (r.nanoCpus > 0 && r.cpuPeriod > 0) throw badConfig('resources.nanoCpus', 'Conflicting options: Nano CPUs and CPU Period cannot both be set.');
  if (r.nanoCpus > 0 && r.cpuQuota > 0) throw badConfig('resources.nanoCpus', 'Conflicting options: Nano CPUs and CPU Quota cannot both be set.');
  if (r.nanoCpus > cpus * 1e9) throw badConfig('resources.nanoCpus', `Range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`);
  if (r.cpuPeriod > 0 && (r.cpuPeriod < 1000 || r.cpuPeriod > 1_000_000)) throw badConfig('resources.cpuPeriod', 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if (r.cpuQuota > 0 && r.cpuQuota < 1000) throw badConfig('resources.cpuQuota', 'CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if (r.cpusetCpus !== '') {
    const wanted = parseCpuset('resources.cpusetCpus', r.cpusetCpus);
    if ([...wanted].some((n) => n >= cpus)) throw badConfig('resources.cpusetCpus', `Requested CPUs are not available - requested ${r.cpusetCpus}, available: 0-${cpus - 1}`);
  }
  if (r.cpusetMems !== '') parseCpuset('resources.cpusetMems', r.cpusetMems);
}

function checkBlkio(r: Resources): void {
  const badWeight = (weight: number): boolean => !Number.isInteger(weight) || weight < 10 || weight > 1000;
  if (r.blkioWeight !== 0 && badWeight(r.blkioWeight)) throw badConfig('resources.blkioWeight', 'Range of blkio weight is from 10 to 1000');
  for (const { path, weight } of r.blkioWeightDevices) {
    if (badWeight(weight)) throw badConfig('resources.blkioWeightDevices', `Range of blkio weight is from 10 to 1000, not ${weight} for ${path}`);
  }
  for (const { path, rate } of [...r.blkioReadBps, ...r.blkioWriteBps, ...r.blkioReadIops, ...r.blkioWriteIops]) {
    if (!Number.isSafeInteger(rate) || rate < 1) throw badConfig('resources.blkio', `invalid rate ${rate} for device ${path}: expected a whole number above 0`);
  }
}

function checkUlimit({ name, soft, hard }: Ulimit): Ulimit {
  const field = 'resources.ulimits';
  if (!ulimitNames.includes(name)) throw badConfig(field, `invalid ulimit type: ${name}`);
  for (const n of [soft, hard]) if (!Number.isSafeInteger(n) || n < -1) throw badConfig(field, `invalid ulimit ${name}: ${n} is not a whole number, -1 or more`);
  if (hard !== -1 && (soft === -1 || soft > hard)) throw badConfig(field, `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  return { name, soft, hard };
}

/** It becomes a path below the kernel's cgroup mounts: no part may lead out of it. */
function checkCgroupParent(parent: string): string {
  if (parent.includes('\0') || parent.length > 1024 || parent.split('/').some((part) => part === '..' || part === '.')) {
    throw badConfig('resources.cgroupParent', `invalid cgroup parent ${JSON.stringify(parent)}: "." and ".." are not allowed in it`);
  }
  return parent;
}

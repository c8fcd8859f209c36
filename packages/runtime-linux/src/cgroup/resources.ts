import { GantryError } from '@gantry/errors';
import type { CgroupWrite } from '@gantry/linux';
import type { OciResources } from '@gantry/oci';
import { badField, cString, integer } from '../plan/field.ts';
import { controllerDir, type CgroupPlace, type Controller } from './hierarchy.ts';
import { v1Resources } from './resources-v1.ts';
import { v2Resources } from './resources-v2.ts';

/** The group's values that the order or the meaning of writes depends on; those of a new group when absent. */
export interface CurrentLimits {
  /** v1: memory and swap together, bytes; `Infinity`: no limit. */
  readonly memorySwap?: number;
  /** v2: memory.max, bytes. */
  readonly memory?: number;
  /** v2: both numbers of cpu.max; quota -1: none. */
  readonly cpu?: { readonly quota: number; readonly period: number };
}

/**
 * Adds a write into the first of these files that the machine has.
 *
 * @throws `GantryError` notImplemented: it has no such controller, or none of the files
 */
export type Write = (controller: Controller, field: string, files: string | readonly string[], data: string | ((file: string) => string)) => void;

/**
 * The writes that give a control group these limits, in order; devices are apart, see `devicePolicy`.
 *
 * @param given.has whether a file is there; which ones are depends on the kernel's build
 * @throws `GantryError` invalid: a value that no kernel takes, named by its field; notImplemented
 *   `cgroup-controller-missing`, `resource-unsupported`: this machine can't keep that limit
 */
export function resourceWrites(place: CgroupPlace, resources: OciResources, given: { readonly current?: CurrentLimits; readonly has: (path: string) => boolean; readonly field?: string }): readonly CgroupWrite[] {
  const { current = {}, has, field = 'linux.resources' } = given;
  validate(resources, field);
  const writes: CgroupWrite[] = [];
  const write: Write = (controller, at, files, data) => {
    const found = controllerDir(place, controller);
    if (found === undefined) throw unsupported('cgroup-controller-missing', `${field}.${at}`, `this machine has no ${controller} controller`);
    const candidates = typeof files === 'string' ? [files] : files;
    const file = candidates.find((name) => has(`${found.dir}/${name}`));
    if (file === undefined) throw unsupported('resource-unsupported', `${field}.${at}`, `the kernel has no ${candidates.join(' or ')}`);
    writes.push({ path: `${found.dir}/${file}`, data: typeof data === 'string' ? data : data(file) });
  };
  if (place.mode === 'v2') v2Resources(write, resources, current, field);
  else v1Resources(write, resources, current);
  hugepages(write, resources, field);
  return [...writes, ...unified(place, resources, field)];
}

function unsupported(code: string, field: string, reason: string): GantryError {
  return new GantryError('notImplemented', code, `${field} can not be kept: ${reason}: leave it out`, { details: { field } });
}

/** hugetlb is in the unified hierarchy on some machines whose other controllers are in version 1: the file's name tells. */
function hugepages(write: Write, resources: OciResources, field: string): void {
  resources.hugepageLimits?.forEach(({ pageSize, limit }, index) => {
    const at = `hugepageLimits[${index}]`;
    if (!/^\d+(KB|MB|GB)$/.test(pageSize)) throw badField(`${field}.${at}.pageSize`, 'must be a size such as 2MB or 1GB', pageSize);
    write('hugetlb', at, [`hugetlb.${pageSize}.max`, `hugetlb.${pageSize}.limit_in_bytes`], String(integer(limit, `${field}.${at}.limit`, 0)));
  });
}

function unified(place: CgroupPlace, resources: OciResources, field: string): readonly CgroupWrite[] {
  return Object.entries(resources.unified ?? {}).map(([name, value]) => {
    const at = `${field}.unified[${JSON.stringify(name)}]`;
    cString(value, at);
    if (!/^[a-z0-9_]+(\.[A-Za-z0-9_]+)+$/.test(name) || name.startsWith('cgroup.')) throw badField(at, 'is no file of a controller, such as memory.high');
    if (place.mode === 'v1' || place.v2 === undefined) throw badField(at, 'needs a machine with the unified hierarchy (cgroup v2), and this one has version 1');
    return { path: `${place.v2.dir}/${name}`, data: value };
  });
}

function validate({ memory, cpu, pids, blockIO }: OciResources, field: string): void {
  const check = (value: number | undefined, at: string, min: number, max?: number): void => {
    if (value !== undefined) integer(value, `${field}.${at}`, min, max);
  };
  check(memory?.limit, 'memory.limit', -1);
  check(memory?.reservation, 'memory.reservation', -1);
  check(memory?.swap, 'memory.swap', -1);
  check(memory?.swappiness, 'memory.swappiness', 0, 100);
  const { limit = 0, swap = 0, reservation = 0 } = memory ?? {};
  if (swap > 0 && limit <= 0) throw badField(`${field}.memory.swap`, 'limits memory and swap together, so it needs memory.limit', swap);
  if (swap > 0 && swap < limit) throw badField(`${field}.memory.swap`, `limits memory and swap together, so it must not be below memory.limit (${limit})`, swap);
  if (reservation > 0 && limit > 0 && reservation > limit) throw badField(`${field}.memory.reservation`, `must not be above memory.limit (${limit})`, reservation);
  check(cpu?.shares, 'cpu.shares', 0, 262_144);
  check(cpu?.quota, 'cpu.quota', -1);
  check(cpu?.period, 'cpu.period', 0, 1_000_000);
  check(cpu?.realtimeRuntime, 'cpu.realtimeRuntime', -1);
  check(cpu?.realtimePeriod, 'cpu.realtimePeriod', 0);
  if (cpu?.period !== undefined && cpu.period !== 0 && cpu.period < 1000) throw badField(`${field}.cpu.period`, 'must be from 1000 to 1000000 microseconds', cpu.period);
  if (cpu?.quota !== undefined && cpu.quota > 0 && cpu.quota < 1000) throw badField(`${field}.cpu.quota`, 'must be at least 1000 microseconds, or -1 for no limit', cpu.quota);
  for (const name of ['cpus', 'mems'] as const) {
    const list = cpu?.[name];
    if (list !== undefined && list !== '' && !/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(list)) throw badField(`${field}.cpu.${name}`, 'must be a list such as 0-2,4', list);
  }
  check(pids?.limit, 'pids.limit', -1);
  if (blockIO?.weight !== undefined && blockIO.weight !== 0) check(blockIO.weight, 'blockIO.weight', 10, 1000);
  blockIO?.weightDevice?.forEach((entry, index) => {
    check(entry.weight, `blockIO.weightDevice[${index}].weight`, 10, 1000);
    device(entry, `${field}.blockIO.weightDevice[${index}]`);
  });
  for (const name of ['throttleReadBpsDevice', 'throttleWriteBpsDevice', 'throttleReadIOPSDevice', 'throttleWriteIOPSDevice'] as const) {
    blockIO?.[name]?.forEach((entry, index) => {
      check(entry.rate, `blockIO.${name}[${index}].rate`, 0);
      device(entry, `${field}.blockIO.${name}[${index}]`);
    });
  }
}

function device(entry: { readonly major: number; readonly minor: number }, field: string): void {
  integer(entry.major, `${field}.major`, 0, 2 ** 12 - 1);
  integer(entry.minor, `${field}.minor`, 0, 2 ** 20 - 1);
}

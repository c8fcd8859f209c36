import { existsSync } from 'node:fs';
import { isGantryError, GantryError } from '@gantry/errors';
import type { CgroupWrite, Keeper } from '@gantry/linux';
import type { OciDevice, OciResources } from '@gantry/oci';
import { deviceProgram } from './devices-bpf.ts';
import { devicePolicy } from './device-rules.ts';
import { deviceWrites } from './devices-v1.ts';
import { controllerDir, type CgroupPlace } from './hierarchy.ts';
import { resourceWrites, type CurrentLimits } from './resources.ts';

/** Everything that limits a control group, ready to be carried to its keeper. */
export interface Limits {
  readonly writes: readonly CgroupWrite[];
  /** Version 2 decides on devices by a program. */
  readonly devices?: Uint8Array;
}

/**
 * The limits of a group that may not be there yet.
 *
 * @param present a group that is there already, to see which files the kernel has
 * @throws see `resourceWrites` and `devicePolicy`
 */
export function newLimits(place: CgroupPlace, present: CgroupPlace, resources: OciResources, nodes: readonly OciDevice[]): Limits {
  const there = new Map(place.dirs.map((dir, index) => [dir, present.dirs[index]]));
  const has = (path: string): boolean => {
    const split = path.lastIndexOf('/');
    return existsSync(`${there.get(path.slice(0, split)) ?? ''}${path.slice(split)}`);
  };
  const devices = deviceLimits(place, resources.devices ?? [], nodes, 'linux.resources');
  return { ...devices, writes: [...resourceWrites(place, resources, { has }), ...devices.writes] };
}

/** The changes of a group that is there. @throws see `resourceWrites` and `devicePolicy` */
export function changedLimits(place: CgroupPlace, resources: OciResources, current: CurrentLimits): Limits {
  const field = 'resources';
  const writes = resourceWrites(place, resources, { current, has: existsSync, field });
  if (resources.devices === undefined) return { writes };
  const devices = deviceLimits(place, resources.devices, [], field);
  return { ...devices, writes: [...writes, ...devices.writes] };
}

function deviceLimits(place: CgroupPlace, rules: NonNullable<OciResources['devices']>, nodes: readonly OciDevice[], field: string): Limits {
  const policy = devicePolicy(rules, nodes, `${field}.devices`);
  const v1 = controllerDir(place, 'devices');
  if (v1 !== undefined) return { writes: deviceWrites(v1.dir, policy) };
  if (place.v2 === undefined) throw new GantryError('notImplemented', 'cgroup-controller-missing', `${field}.devices can not be kept: this machine has no devices controller, and no control groups of version 2`, { details: { field: `${field}.devices` } });
  return { writes: [], devices: deviceProgram(policy) };
}

/**
 * Has a keeper set the limits of its group.
 *
 * @throws `GantryError` invalid `limit-refused`: what the kernel refuses is the caller's to correct
 */
export async function applyLimits(keeper: Keeper, { writes, devices }: Limits): Promise<void> {
  try {
    if (writes.length > 0) await keeper.write(writes);
    if (devices !== undefined) await keeper.devices(devices);
  } catch (error) {
    const errno = isGantryError(error) ? error.details['errno'] : undefined;
    if (isGantryError(error) && (errno === 'EINVAL' || errno === 'ERANGE' || errno === 'EBUSY' || errno === 'ENODEV')) {
      throw new GantryError('invalid', 'limit-refused', `The kernel refuses a limit of the container: ${error.message}`, { cause: error, details: error.details });
    }
    throw error;
  }
}

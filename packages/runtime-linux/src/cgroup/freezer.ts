import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { GantryError } from '@gantry/errors';
import { keyed, readCgroupFile } from './files.ts';
import { controllerDir, type CgroupPlace } from './hierarchy.ts';

/** A process in an uninterruptible call keeps a group from freezing for as long as that takes. */
const freezeMs = 10_000;

/** Whether groups can be frozen here. */
export function canFreeze(place: CgroupPlace): boolean {
  return place.mode === 'v2' || controllerDir(place, 'freezer') !== undefined;
}

/**
 * Stops every process of a group where it stands; resolved means that all of them are stopped.
 *
 * @throws `GantryError` timeout `freeze-timeout`: it goes on as before
 */
export async function freeze(place: CgroupPlace): Promise<void> {
  await setFrozen(place, true);
  const until = performance.now() + freezeMs;
  for (let wait = 1; performance.now() < until; wait = Math.min(wait * 2, 50)) {
    if (await isFrozen(place)) return;
    // Version 1 can stop half-way when a process forks meanwhile, and goes on when told again.
    if (place.mode === 'v1') await setFrozen(place, true);
    await sleep(wait);
  }
  await setFrozen(place, false);
  throw new GantryError('timeout', 'freeze-timeout', `The container could not be paused within ${freezeMs / 1000} s: one of its processes does not stop`);
}

export async function thaw(place: CgroupPlace): Promise<void> {
  await setFrozen(place, false);
}

/** Whether all processes of a group are stopped; false if the group is gone. */
export async function isFrozen(place: CgroupPlace): Promise<boolean> {
  if (!canFreeze(place)) return false;
  const file = stateFile(place);
  const text = await readCgroupFile(place.mode === 'v2' ? file.replace(/freeze$/, 'events') : file);
  return place.mode === 'v2' ? keyed(text).get('frozen') === 1 : text?.trim() === 'FROZEN';
}

async function setFrozen(place: CgroupPlace, frozen: boolean): Promise<void> {
  const states = place.mode === 'v2' ? (['0', '1'] as const) : (['THAWED', 'FROZEN'] as const);
  await writeFile(stateFile(place), states[frozen ? 1 : 0]);
}

function stateFile(place: CgroupPlace): string {
  if (place.mode === 'v2' && place.v2 !== undefined) return `${place.v2.dir}/cgroup.freeze`;
  const found = controllerDir(place, 'freezer');
  if (found === undefined) throw new GantryError('notImplemented', 'freezer-missing', 'This machine has no freezer controller, so containers can not be paused');
  return `${found.dir}/freezer.state`;
}

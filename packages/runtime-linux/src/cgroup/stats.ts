import type { Stats } from '@gantry/driver-api';
import { controllerDir, type CgroupPlace } from './hierarchy.ts';
import { readCgroupFile, single, type ReadController } from './files.ts';
import { v1Cpu, v1Io, v1Memory } from './stats-v1.ts';
import { v2Cpu, v2Io, v2Memory } from './stats-v2.ts';

/** What a control group used since it was made. What the machine does not account for reads as 0. */
export async function readStats(place: CgroupPlace, at: string): Promise<Stats> {
  const read: ReadController = async (controller, file) => {
    const found = controllerDir(place, controller);
    return found === undefined ? undefined : readCgroupFile(`${found.dir}/${file}`);
  };
  const unified = place.mode === 'v2';
  const [cpu, memory, io, pids, pidsMax] = await Promise.all([
    unified ? v2Cpu(place.v2?.dir) : v1Cpu(read),
    unified ? v2Memory(read) : v1Memory(read),
    unified ? v2Io(read) : v1Io(read),
    read('pids', 'pids.current'),
    read('pids', 'pids.max'),
  ]);
  const limit = single(pidsMax);
  return { at, cpu, memory, io, pids: { now: single(pids) ?? 0, ...(limit === undefined || limit === Infinity ? {} : { limit }) } };
}

import type { PlanMount } from '@gantry/linux';
import type { CgroupPlace } from '../cgroup/hierarchy.ts';
import { ATTR, MS, type MountOptions } from './mount-options.ts';

const fence = ATTR.NOSUID | ATTR.NODEV | ATTR.NOEXEC;

/**
 * What `type: 'cgroup'` shows: the container's own control groups and nothing above them.
 *
 * Version 1: a small tmpfs with one folder a controller, each the container's folder of that hierarchy, always
 * read-only. Version 2: in a cgroup namespace of its own a fresh mount, which that namespace roots at the container's
 * group; else the group's folder of the host.
 */
export function cgroupMounts(target: string, options: MountOptions, place: CgroupPlace, ownNamespace: boolean): readonly PlanMount[] {
  if (place.mode === 'v2') return [unified(target, options, place, ownNamespace)];
  const folders = place.v1.flatMap(({ controllers, dir }) => folderNames(controllers).map((name) => ({ name, dir })));
  if (place.v2 !== undefined) folders.push({ name: 'unified', dir: place.v2.dir });
  return [
    { kind: 'fs', fstype: 'tmpfs', source: 'tmpfs', target, flags: MS.NOSUID | MS.NODEV | MS.NOEXEC, data: 'mode=755,size=64k,nr_inodes=64' },
    ...folders.map(({ name, dir }): PlanMount => ({
      kind: 'bind',
      source: dir,
      target: `${target}/${name}`,
      recursive: false,
      create: 'dir',
      set: ATTR.RDONLY | fence,
    })),
    // Over itself, since the tmpfs had to be writable for the folders.
    { kind: 'bind', source: target, target, recursive: true, create: null, set: ATTR.RDONLY | fence, inRoot: true },
  ];
}

function unified(target: string, options: MountOptions, place: CgroupPlace, ownNamespace: boolean): PlanMount {
  if (ownNamespace || place.v2 === undefined) {
    return { kind: 'fs', fstype: 'cgroup2', source: 'cgroup', target, flags: options.flags | MS.NOSUID | MS.NODEV | MS.NOEXEC, data: '' };
  }
  return { kind: 'bind', source: place.v2.dir, target, recursive: false, create: 'dir', set: options.set | fence };
}

/** A hierarchy that holds several controllers is looked for under each name and under both together; systemd's under its own. */
function folderNames(controllers: readonly string[]): readonly string[] {
  const names = controllers.map((name) => name.replace(/^name=/, ''));
  return names.length === 1 ? names : [names.join(','), ...names];
}

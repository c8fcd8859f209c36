import { GantryError } from '@gantry/errors';
import type { CgroupLayout } from '@gantry/linux';

/** Controllers that limits are written for. */
export type Controller = 'memory' | 'cpu' | 'cpuacct' | 'cpuset' | 'pids' | 'blkio' | 'io' | 'devices' | 'freezer' | 'hugetlb';

/** A mounted hierarchy of version 1: one or more controllers (or a named one, such as systemd's), under one mount point. */
export interface V1Hierarchy {
  /** As `/proc/self/cgroup` has them: `['cpu', 'cpuacct']`, or `['name=systemd']`. */
  readonly controllers: readonly string[];
  readonly mount: string;
}

/** The unified hierarchy (version 2), alone or beside version 1 (hybrid). */
export interface V2Hierarchy {
  readonly mount: string;
  /** What its root can hand down (`cgroup.controllers`). */
  readonly controllers: readonly string[];
}

/** The control groups of this machine, as they are mounted in our mount namespace. */
export interface CgroupHost {
  /** `v2` only if nothing is in version 1: then devices, the freezer and all limits are the unified hierarchy's. */
  readonly mode: 'v1' | 'v2';
  readonly v1: readonly V1Hierarchy[];
  readonly v2?: V2Hierarchy;
}

/**
 * What of a machine's layout containers can use.
 *
 * @throws `GantryError` unavailable `cgroups-missing`: nothing is mounted
 */
export function cgroupHost(layout: CgroupLayout): CgroupHost {
  if (layout.mode === 'none') {
    throw new GantryError('unavailable', 'cgroups-missing', 'No control groups are mounted: mount cgroup2 at /sys/fs/cgroup (systemd does), or run outside of a restricted container');
  }
  const v2 = layout.v2 === undefined ? undefined : { mount: layout.v2.mountpoint, controllers: layout.v2.controllers };
  const mode = layout.mode === 'v2' ? 'v2' : 'v1';
  const v1 = layout.v1.map(({ controllers, name, mountpoint }) => ({ controllers: name === undefined ? controllers : [`name=${name}`], mount: mountpoint }));
  return { mode, v1: mode === 'v2' ? [] : v1, ...(v2 === undefined ? {} : { v2 }) };
}

/** Where the controllers of one control group are: the same relative path in every hierarchy. */
export interface CgroupPlace {
  readonly mode: 'v1' | 'v2';
  /** All its folders, one a hierarchy. */
  readonly dirs: readonly string[];
  /** By hierarchy of version 1: what it holds, where. */
  readonly v1: readonly { readonly controllers: readonly string[]; readonly dir: string }[];
  /** Its folder in the unified hierarchy, if there is one. */
  readonly v2?: { readonly dir: string; readonly controllers: readonly string[] };
}

/** The folders of the control group `path` (absolute, within the hierarchies). */
export function placeOf(host: CgroupHost, path: string): CgroupPlace {
  const v1 = host.v1.map(({ controllers, mount }) => ({ controllers, dir: mount + path }));
  const v2 = host.v2 === undefined ? undefined : { dir: host.v2.mount + path, controllers: host.v2.controllers };
  return { mode: host.mode, dirs: [...v1.map(({ dir }) => dir), ...(v2 === undefined ? [] : [v2.dir])], v1, ...(v2 === undefined ? {} : { v2 }) };
}

/** The folder with the files of a controller, and whose file names they are; undefined if the machine has no such controller. */
export function controllerDir(place: CgroupPlace, controller: Controller): { readonly version: 1 | 2; readonly dir: string } | undefined {
  const v1 = place.v1.find(({ controllers }) => controllers.includes(controller));
  if (v1 !== undefined) return { version: 1, dir: v1.dir };
  if (place.v2?.controllers.includes(controller) === true) return { version: 2, dir: place.v2.dir };
  return undefined;
}

/** Checks the path of a control group that came from outside, and gives it a leading slash. @throws invalid `cgroup-parent-invalid` */
export function cgroupPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  const bad = parts.some((part) => part === '.' || part === '..' || part.includes('\0') || part.includes('\n') || Buffer.byteLength(part) > 255);
  if (parts.length === 0 || parts.length > 16 || bad) {
    throw new GantryError('invalid', 'cgroup-parent-invalid', `cgroup parent ${JSON.stringify(path)} is no path of a control group, such as /batch/low`);
  }
  return `/${parts.join('/')}`;
}

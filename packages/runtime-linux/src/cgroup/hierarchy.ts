import { GantryError } from '@gantry/errors';

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
 * Finds the hierarchies in the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). A hierarchy that is mounted
 * twice counts once, the first time; one that is mounted read-only or only in part is no use and is left out.
 *
 * @param unifiedControllers the text of `cgroup.controllers` in the given mount point
 * @throws `GantryError` unavailable `cgroups-missing`: nothing usable is mounted
 */
export function parseHierarchies(mountinfo: string, unifiedControllers: (mount: string) => string): CgroupHost {
  const v1: V1Hierarchy[] = [];
  let v2: V2Hierarchy | undefined;
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ');
    const separator = fields.indexOf('-');
    if (separator < 6) continue;
    const [fstype, , superOptions = ''] = fields.slice(separator + 1);
    if (fstype !== 'cgroup' && fstype !== 'cgroup2') continue;
    const mount = unescapeOctal(fields[4] ?? '');
    const options = (fields[5] ?? '').split(',');
    if (!options.includes('rw')) continue;
    if (fstype === 'cgroup2') {
      v2 ??= { mount, controllers: words(unifiedControllers(mount)) };
      continue;
    }
    const controllers = superOptions.split(',').filter((option) => v1Controllers.has(option) || option.startsWith('name='));
    const key = controllers.join();
    if (key !== '' && !v1.some((other) => other.controllers.join() === key)) v1.push({ controllers, mount });
  }
  if (v1.length === 0 && v2 === undefined) {
    throw new GantryError('unavailable', 'cgroups-missing', 'No control groups are mounted writable: mount cgroup2 at /sys/fs/cgroup (systemd does), or run outside of a restricted container');
  }
  const limits = v1.some((hierarchy) => hierarchy.controllers.some((name) => v1Controllers.has(name)));
  return { mode: limits ? 'v1' : 'v2', v1: limits ? v1 : [], ...(v2 === undefined ? {} : { v2 }) };
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
  if (place.v2 !== undefined && place.v2.controllers.includes(controller)) return { version: 2, dir: place.v2.dir };
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

const v1Controllers: ReadonlySet<string> = new Set([
  'cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'net_cls', 'net_prio', 'blkio', 'perf_event', 'hugetlb', 'pids', 'rdma', 'misc',
]);

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Space, tab, newline and backslash are written as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

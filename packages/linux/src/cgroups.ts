import { readFile, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { GantryError } from '@gantry/errors';

/** One hierarchy of control groups, version 1. */
export interface CgroupHierarchy {
  /** As the kernel names them: `memory`, or `cpu` and `cpuacct` together. Empty for a named hierarchy. */
  readonly controllers: readonly string[];
  /** `systemd` of `name=systemd`. */
  readonly name?: string;
  readonly mountpoint: string;
  /** The group that is visible at the mount point; `/` but in containers. */
  readonly root: string;
  /** The group of this process. */
  readonly path: string;
}

/** The hierarchy of version 2. */
export interface UnifiedHierarchy {
  /** Those that it can give to groups; on a hybrid host few or none, since version 1 has them. */
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  readonly root: string;
  readonly path: string;
}

/** How this host has its control groups. */
export interface CgroupLayout {
  /** `hybrid`: controllers in version 1, version 2 mounted beside. */
  readonly mode: 'v1' | 'hybrid' | 'v2' | 'none';
  readonly v1: readonly CgroupHierarchy[];
  readonly v2?: UnifiedHierarchy;
  /** systemd runs this machine, and wants to be asked for groups. */
  readonly systemd: boolean;
}

/** What the layout is read from. */
export interface CgroupSources {
  /** /proc/self/mountinfo, proc_pid_mountinfo(5). */
  readonly mountinfo: string;
  /** /proc/self/cgroup, cgroups(7). */
  readonly cgroup: string;
  /** Content of cgroup.controllers at the mount point of version 2, if it is mounted. */
  readonly unifiedControllers?: string;
  readonly systemd: boolean;
}

interface CgroupMount {
  readonly root: string;
  readonly mountpoint: string;
  readonly unified: boolean;
  readonly options: ReadonlySet<string>;
}

/**
 * Where control groups are on this machine. Reads files only.
 *
 * @throws GantryError unavailable `no-procfs`: /proc is not mounted.
 */
export async function detectCgroups(): Promise<CgroupLayout> {
  let mountinfo: string;
  let cgroup: string;
  try {
    [mountinfo, cgroup] = await Promise.all([readFile('/proc/self/mountinfo', 'utf8'), readFile('/proc/self/cgroup', 'utf8')]);
  } catch (cause) {
    throw new GantryError('unavailable', 'no-procfs', 'Cannot read /proc/self: mount procfs at /proc', { cause });
  }
  const unified = cgroupMounts(mountinfo).find((mount) => mount.unified);
  const [controllers, systemd] = await Promise.all([
    unified === undefined ? undefined : readFile(posix.join(unified.mountpoint, 'cgroup.controllers'), 'utf8').catch(() => ''),
    // As sd_booted(3) does it.
    stat('/run/systemd/system').then((s) => s.isDirectory(), () => false),
  ]);
  return parseCgroups({ mountinfo, cgroup, systemd, ...(controllers === undefined ? {} : { unifiedControllers: controllers }) });
}

/** The layout that these files tell of. Lines that it does not understand are passed over: later kernels may add some. */
export function parseCgroups(sources: CgroupSources): CgroupLayout {
  const mounts = cgroupMounts(sources.mountinfo);
  const v1: CgroupHierarchy[] = [];
  let v2: UnifiedHierarchy | undefined;
  for (const line of sources.cgroup.split('\n')) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    const [, id = '', list = '', path = ''] = match;
    if (id === '0' && list === '') {
      const mount = mounts.find((m) => m.unified);
      if (mount !== undefined) v2 = { controllers: words(sources.unifiedControllers ?? ''), mountpoint: mount.mountpoint, root: mount.root, path };
      continue;
    }
    const names = list.split(',').filter((name) => name !== '');
    const mount = mounts.find((m) => !m.unified && names.every((name) => m.options.has(name)));
    // A hierarchy that is mounted nowhere is of no use.
    if (mount === undefined || names.length === 0) continue;
    const named = names.find((name) => name.startsWith('name='));
    v1.push({
      controllers: names.filter((name) => !name.startsWith('name=')),
      ...(named === undefined ? {} : { name: named.slice('name='.length) }),
      mountpoint: mount.mountpoint,
      root: mount.root,
      path,
    });
  }
  const controlled = v1.some((hierarchy) => hierarchy.controllers.length > 0);
  const mode = controlled ? (v2 === undefined ? 'v1' : 'hybrid') : v2 === undefined ? 'none' : 'v2';
  return { mode, v1, ...(v2 === undefined ? {} : { v2 }), systemd: sources.systemd };
}

/**
 * The folder of a group, given by its path in the hierarchy.
 *
 * @returns `undefined`: the group is not visible below this mount point.
 */
export function cgroupFolder(hierarchy: Pick<CgroupHierarchy, 'mountpoint' | 'root'>, path: string): string | undefined {
  const below = posix.relative(hierarchy.root, path);
  return below === '..' || below.startsWith('../') ? undefined : posix.join(hierarchy.mountpoint, below);
}

function cgroupMounts(mountinfo: string): CgroupMount[] {
  const out: CgroupMount[] = [];
  for (const line of mountinfo.split('\n')) {
    const [mount, fs] = line.split(' - ', 2);
    const [, , , root, mountpoint] = mount?.split(' ') ?? [];
    const [type, , options] = fs?.split(' ') ?? [];
    if (root === undefined || mountpoint === undefined || (type !== 'cgroup' && type !== 'cgroup2')) continue;
    out.push({
      root: unescapeOctal(root),
      mountpoint: unescapeOctal(mountpoint),
      unified: type === 'cgroup2',
      options: new Set((options ?? '').split(',')),
    });
  }
  return out;
}

function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

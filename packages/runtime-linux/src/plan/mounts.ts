import { GantryError } from '@gantry/errors';
import type { PlanBindMount, PlanMount, Propagation as PlanPropagation } from '@gantry/linux';
import type { OciMount } from '@gantry/oci';
import type { CgroupPlace } from '../cgroup/hierarchy.ts';
import { cgroupMounts } from './cgroup-mounts.ts';
import { absolutePath, badField, cString } from './field.ts';
import { mountOptions, type MountOptions, type Propagation } from './mount-options.ts';

/** What a bind mount's source was found to be on the host, links resolved. */
export interface MountSource {
  readonly path: string;
  readonly kind: 'dir' | 'file';
}

export interface MountContext {
  /** By the source as the spec has it. */
  readonly sources: ReadonlyMap<string, MountSource>;
  readonly cgroup: CgroupPlace;
  /** The container has a cgroup namespace of its own. */
  readonly ownCgroupNamespace: boolean;
}

/** Files of /proc that a container may get its own version of; everything else there is the kernel's word alone. */
const procFiles: ReadonlySet<string> = new Set(
  ['cpuinfo', 'diskstats', 'meminfo', 'stat', 'swaps', 'uptime', 'loadavg', 'slabinfo'].map((name) => `/proc/${name}`),
);

/** Greatest number of mounts in one spec. */
const maxMounts = 1024;

/** Filesystem options must fit into the one page that mount(2) copies. */
const maxData = 4095;

/** Whether the mount's source is a path of the host, to be looked up before `planMounts`. */
export function isBind(mount: OciMount): boolean {
  return mount.type === 'bind' || (mount.options ?? []).some((option) => option === 'bind' || option === 'rbind');
}

/**
 * The mounts of a spec as the native side makes them, in the spec's order. `type: 'cgroup'` becomes the container's own
 * control groups and nothing else: of version 1 always read-only, since whoever can write there chooses a program that
 * the host runs (`release_agent`).
 *
 * @throws `GantryError` invalid: options that don't go together, a mount over `/`, over `/proc` by anything but proc or
 *   inside it by anything but the known files; a source that is not in `sources`; notImplemented: see `mountOptions`
 */
export function planMounts(mounts: readonly OciMount[], context: MountContext, field = 'mounts'): readonly PlanMount[] {
  if (mounts.length > maxMounts) throw badField(field, `must be at most ${maxMounts} mounts`, mounts.length);
  return mounts.flatMap((mount, index) => planMount(mount, context, `${field}[${index}]`));
}

function planMount(mount: OciMount, context: MountContext, field: string): readonly PlanMount[] {
  const target = absolutePath(mount.destination, `${field}.destination`);
  if (target === '/') throw badField(`${field}.destination`, 'must not be the root itself', mount.destination);
  const options = mountOptions(mount.options ?? [], `${field}.options`);
  const type = cString(mount.type ?? (options.bind === undefined ? '' : 'bind'), `${field}.type`);
  checkProc(target, type, `${field}.destination`);
  if (type === 'bind' || options.bind !== undefined) return [planBind(mount, target, options, context, field)];
  if (type === '' || type === 'none' || /[^A-Za-z0-9_.-]/.test(type)) throw badField(`${field}.type`, 'must name a filesystem or be "bind"', mount.type);
  if (options.propagation !== undefined && !/^r?(private|slave)$/.test(options.propagation)) {
    throw badField(`${field}.options`, `has "${options.propagation}", which is for bind mounts: nothing else sees a new filesystem`);
  }
  if (type === 'cgroup' || type === 'cgroup2') return cgroupMounts(target, options, context.cgroup, context.ownCgroupNamespace);
  const data = options.data.join(',');
  if (Buffer.byteLength(data) > maxData) throw badField(`${field}.options`, `is longer than a mount takes (${maxData} bytes)`);
  return [{ kind: 'fs', fstype: type, source: cString(mount.source ?? type, `${field}.source`), target, flags: options.flags, data }];
}

function planBind(mount: OciMount, target: string, options: MountOptions, context: MountContext, field: string): PlanBindMount {
  if (mount.source === undefined || mount.source === '') throw badField(`${field}.source`, 'is missing: a bind mount needs one');
  const [unknown] = options.data;
  if (unknown !== undefined) throw badField(`${field}.options`, 'has an option that a bind mount does not know', unknown);
  const source = context.sources.get(mount.source);
  if (source === undefined) {
    throw new GantryError('invalid', 'mount-source-missing', `${field}.source: ${mount.source} does not exist on the host: create it, or correct the path`, {
      details: { field: `${field}.source`, path: mount.source },
    });
  }
  return {
    kind: 'bind',
    source: source.path,
    target,
    recursive: options.bind !== 'bind',
    create: source.kind,
    set: options.set,
    clear: options.clear,
    recursiveAttr: options.recursiveAttributes,
    ...(options.propagation === undefined ? {} : { propagation: plainPropagation(options.propagation) }),
  };
}

function plainPropagation(propagation: Propagation): PlanPropagation {
  switch (propagation) {
    case 'private':
    case 'rprivate':
      return 'private';
    case 'slave':
    case 'rslave':
      return 'slave';
    case 'shared':
    case 'rshared':
      return 'shared';
    case 'unbindable':
    case 'runbindable':
      return 'unbindable';
  }
}

function checkProc(target: string, type: string, field: string): void {
  if (target === '/proc') {
    if (type !== 'proc') throw badField(field, 'is /proc, which only the proc filesystem may be mounted on');
  } else if (target.startsWith('/proc/') && !procFiles.has(target)) {
    throw badField(field, 'lies in /proc, where nothing may be mounted but a file over one of the known ones', target);
  }
}

/** How the root of the container takes part in mounts of the host. @throws `GantryError` invalid */
export function rootPropagation(value: string | undefined, field = 'linux.rootfsPropagation'): 'private' | 'slave' | 'shared' {
  switch (value) {
    case undefined:
    case '':
    case 'private':
    case 'rprivate':
      return 'private';
    case 'slave':
    case 'rslave':
      return 'slave';
    case 'shared':
    case 'rshared':
      return 'shared';
    default:
      throw badField(field, 'must be private, slave or shared', value);
  }
}

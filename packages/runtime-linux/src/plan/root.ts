import { GantryError } from '@gantry/errors';
import type { CreateRequest } from '@gantry/driver-api';
import type { PlanRoot } from '@gantry/linux';
import { absolutePath, badField, cString } from './field.ts';

/**
 * The root filesystem of a container: a folder that is there, or an overlay that the keeper mounts for it alone.
 *
 * @throws `GantryError` invalid; notImplemented `rootfs-unsupported`: mounts other than one overlay or one bind
 */
export function planRoot(rootfs: CreateRequest['rootfs']): PlanRoot {
  if ('path' in rootfs) return { path: absolutePath(rootfs.path, 'rootfs.path') };
  const [mount, ...others] = rootfs.mounts;
  if (mount === undefined || others.length > 0 || (mount.target !== undefined && mount.target !== '/')) throw unsupported();
  if (mount.type === 'bind') return { path: absolutePath(mount.source, 'rootfs.mounts[0].source') };
  if (mount.type !== 'overlay') throw unsupported();
  let [lower, upper, work]: (string | undefined)[] = [];
  const flags: string[] = [];
  const options: Record<string, string> = {};
  for (const option of mount.options) {
    cString(option, 'rootfs.mounts[0].options');
    const split = option.indexOf('=');
    const [name, value] = split === -1 ? [option, ''] : [option.slice(0, split), option.slice(split + 1)];
    if (name === 'lowerdir') lower = value;
    else if (name === 'upperdir') upper = absolutePath(value, 'rootfs.mounts[0] upperdir');
    else if (name === 'workdir') work = absolutePath(value, 'rootfs.mounts[0] workdir');
    else if (split === -1) flags.push(name);
    else options[name] = value;
  }
  if (lower === undefined) throw badField('rootfs.mounts[0].options', 'must have a lowerdir');
  return {
    overlay: {
      lower: lower.split(/(?<!\\):/).map((path) => absolutePath(path.replaceAll('\\:', ':'), 'rootfs.mounts[0] lowerdir')),
      ...(upper === undefined ? {} : { upper }),
      ...(work === undefined ? {} : { work }),
      flags,
      options,
    },
  };
}

function unsupported(): GantryError {
  return new GantryError('notImplemented', 'rootfs-unsupported', 'This runtime takes a root filesystem as a path, or as one mount of type overlay or bind: mount the snapshot first and give its path');
}

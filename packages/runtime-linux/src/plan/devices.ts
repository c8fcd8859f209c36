import type { PlanDevice } from '@gantry/linux';
import { dockerDevices, type OciDevice } from '@gantry/oci';
import { absolutePath, badField, integer, oneOf, userId } from './field.ts';

/** Links that programs expect in every /dev (OCI runtime specification, "Default devices" and "Dev symbolic links"). */
export const devLinks: readonly { readonly path: string; readonly target: string }[] = [
  { path: '/dev/fd', target: '/proc/self/fd' },
  { path: '/dev/stdin', target: '/proc/self/fd/0' },
  { path: '/dev/stdout', target: '/proc/self/fd/1' },
  { path: '/dev/stderr', target: '/proc/self/fd/2' },
  { path: '/dev/ptmx', target: 'pts/ptmx' },
];

/** Greatest number of device nodes in one spec. */
const maxDevices = 4096;

/**
 * The nodes of a container: the default ones, overridden and followed by the spec's.
 *
 * @throws `GantryError` invalid: a path outside /dev or given twice, a type that is none, numbers missing or out of range
 */
export function planDevices(devices: readonly OciDevice[] | undefined, field = 'linux.devices'): readonly PlanDevice[] {
  if (devices !== undefined && devices.length > maxDevices) throw badField(field, `must be at most ${maxDevices} devices`, devices.length);
  const own = (devices ?? []).map((device, index) => planDevice(device, `${field}[${index}]`));
  const paths = new Set<string>();
  own.forEach(({ path }, index) => {
    if (paths.has(path)) throw badField(`${field}[${index}].path`, 'is given twice', path);
    paths.add(path);
  });
  return [...dockerDevices.filter(({ path }) => !paths.has(path)).map((device) => planDevice(device, field)), ...own];
}

function planDevice(device: OciDevice, field: string): PlanDevice {
  const path = absolutePath(device.path, `${field}.path`);
  if (!path.startsWith('/dev/')) throw badField(`${field}.path`, 'must lie in /dev', device.path);
  const { major, minor } = device;
  const type = oneOf(device.type, ['c', 'b', 'u', 'p'], `${field}.type`);
  if (type !== 'p' && (major === undefined || minor === undefined)) throw badField(field, 'needs a major and a minor number');
  return {
    path,
    type: type === 'u' ? 'c' : type,
    major: integer(major ?? 0, `${field}.major`, 0, 2 ** 12 - 1),
    minor: integer(minor ?? 0, `${field}.minor`, 0, 2 ** 20 - 1),
    mode: integer((device.fileMode ?? 0o666) & 0o7777, `${field}.fileMode`, 0, 0o7777),
    uid: userId(device.uid ?? 0, `${field}.uid`),
    gid: userId(device.gid ?? 0, `${field}.gid`),
  };
}

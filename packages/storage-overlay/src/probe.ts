import { lstat, mkdir, mkdtemp, readdir, rm, rmdir, statfs, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext, ProbeResult } from '@gantry/driver-api';
import { isGantryError } from '@gantry/errors';
import { openNative, type Native } from '@gantry/linux';
import { mountOptions, type OverlayOptions } from './options.ts';

/** statfs(2), `f_type`. */
const fileSystems: Readonly<Record<number, string>> = {
  0xef53: 'ext4', 0x58465342: 'xfs', 0x9123683e: 'btrfs', 0x794c7630: 'overlayfs', 0x01021994: 'tmpfs', 0x6969: 'nfs', 0x2fc12fc1: 'zfs', 0x65735546: 'fuse', 0x01021997: '9p', 0x4d44: 'vfat',
};

/** Mounts an overlay and uses it as containers do: whether a kernel and a file system can do that is best asked of them. */
export async function probe(context: DriverContext, options: OverlayOptions): Promise<ProbeResult> {
  if (process.platform !== 'linux') return no('it needs Linux: on other systems Gantry runs inside a virtual machine');
  if (process.geteuid?.() !== 0) return no('mounting needs root: start the daemon as root');
  try {
    await using native = await openNative({ runDir: context.runDir, instance: context.instance });
    return await tryMount(native, context.stateDir, options);
  } catch (e) {
    return no(`the test mount could not be made: ${e instanceof Error ? e.message : String(e)}`);
  }
}

async function tryMount(native: Native, stateDir: string, options: OverlayOptions): Promise<ProbeResult> {
  await mkdir(join(stateDir, 'stage'), { recursive: true, mode: 0o700 });
  const dir = await mkdtemp(join(stateDir, 'stage', 'probe-')); // where open() finds what a crash left
  const at = join(dir, 'merged');
  try {
    for (const name of ['a/d', 'b', 'upper', 'work', 'merged']) await mkdir(join(dir, name), { recursive: true });
    for (const name of ['a/file', 'a/d/old']) await writeFile(join(dir, name), '');
    try {
      await native.overlay({ target: at, lower: [join(dir, 'a'), join(dir, 'b')], upper: join(dir, 'upper'), work: join(dir, 'work'), options: mountOptions(options) });
    } catch (e) {
      return no(await refusal(e, stateDir));
    }
    try {
      return await tryUse(dir, at, stateDir);
    } finally {
      await native.umount(at, { detach: true });
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function tryUse(dir: string, at: string, stateDir: string): Promise<ProbeResult> {
  await unlink(join(at, 'file'));
  const mark = await lstat(join(dir, 'upper', 'file'));
  if (!mark.isCharacterDevice() || mark.rdev !== 0) return no(`deleting a file left no whiteout on ${await fileSystemOf(stateDir)}: use the vfs driver, or another disk`);
  await rm(join(at, 'd', 'old'));
  await rmdir(join(at, 'd'));
  await mkdir(join(at, 'd'));
  // Deleted and made anew, so that it must hide what is below it; that takes trusted.* xattrs.
  if ((await readdir(join(at, 'd'))).length > 0) return no(`${await fileSystemOf(stateDir)} cannot mark a folder as opaque (no trusted.* attributes): use the vfs driver, or another disk`);
  return { ok: true };
}

async function refusal(e: unknown, stateDir: string): Promise<string> {
  const errno = isGantryError(e) ? e.details['errno'] : undefined;
  switch (errno) {
    case 'ENODEV':
      return 'this kernel has no overlayfs: load it (modprobe overlay)';
    case 'EPERM':
    case 'EACCES':
      return 'mounting is not allowed: in a container, run it privileged';
    case 'EINVAL':
      return `overlayfs cannot write to ${await fileSystemOf(stateDir)} (it needs d_type, trusted.* attributes and RENAME_WHITEOUT), or does not take the mount options: put the data root on ext4, xfs or btrfs`;
    default:
      return `an overlay could not be mounted on ${await fileSystemOf(stateDir)}: ${e instanceof Error ? e.message : String(e)}`;
  }
}

async function fileSystemOf(path: string): Promise<string> {
  const { type } = await statfs(path);
  return fileSystems[type] ?? `the file system of ${path} (type 0x${type.toString(16)})`;
}

function no(reason: string): ProbeResult {
  return { ok: false, reason };
}

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext, ProbeResult } from '@gantry/driver-api';
import { openFsSession, openNative } from '@gantry/linux';

/** Makes, in the state folder, the kinds of inodes that layers hold. */
export async function probe({ stateDir, runDir, instance }: DriverContext): Promise<ProbeResult> {
  if (process.platform !== 'linux') return no('it needs Linux: on other systems Gantry runs inside a virtual machine');
  if (process.geteuid?.() !== 0) return no('layers hold files of many owners, which only root can make: start the daemon as root');
  try {
    await using native = await openNative({ runDir, instance });
    await mkdir(join(stateDir, 'stage'), { recursive: true, mode: 0o700 });
    const root = await mkdtemp(join(stateDir, 'stage', 'probe-')); // where open() finds what a crash left
    try {
      await using session = await openFsSession(native.endpoint, { root });
      const batch = session.batch();
      batch.file('file', { mode: 0o640, uid: 4242, gid: 4242, mtimeNs: 1n, xattrs: new Map([['user.probe', Buffer.from('x')]]) }, Buffer.from('x'));
      batch.hardlink('link', 'file');
      batch.mknod('device', { type: 'char', major: 1, minor: 3 }, { mode: 0o600, uid: 0, gid: 0 });
      await batch.close();
    } finally {
      await rm(root, { recursive: true, force: true });
    }
    return { ok: true };
  } catch (e) {
    return no(`files as layers hold them could not be made in ${stateDir}: ${e instanceof Error ? e.message : String(e)}; put the data root on another file system`);
  }
}

function no(reason: string): ProbeResult {
  return { ok: false, reason };
}

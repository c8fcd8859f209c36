import { existsSync } from 'node:fs';
import { geteuid } from 'node:process';
import type { ProbeResult } from '@gantry/driver-api';
import { toGantryError } from '@gantry/errors';
import { controllerDir, placeOf } from './cgroup/hierarchy.ts';
import { findCgroups } from './cgroup/tree.ts';
import { seccompArch } from './seccomp/index.ts';

/** Namespaces that containers are made of, by their files in /proc. */
const namespaces = ['mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup'];

/** Whether containers can be made here; leaves nothing behind. */
export async function probeRuntime(): Promise<ProbeResult> {
  const host = probeHost();
  if (!host.ok) return host;
  const missing = namespaces.filter((name) => !existsSync(`/proc/self/ns/${name}`));
  if (missing.length > 0) return no(`this kernel has no ${missing.join(', ')} namespaces: use one that was built with them`);
  try {
    seccompArch(process.arch);
    const place = placeOf(await findCgroups(), '');
    const lacking = (['memory', 'cpu', 'pids'] as const).filter((controller) => controllerDir(place, controller) === undefined);
    if (lacking.length > 0) return no(`the control groups have no ${lacking.join(', ')} controller: enable it (kernel command line, or cgroup.subtree_control of the group above)`);
  } catch (error) {
    return no(toGantryError(error).message);
  }
  return { ok: true };
}

/** Whether trees can be opened here. */
export function probeHost(): ProbeResult {
  if (process.platform !== 'linux') return no('it needs Linux');
  if (geteuid?.() !== 0) return no('it has to run as root: start the daemon by root, or with sudo');
  return { ok: true };
}

function no(reason: string): ProbeResult {
  return { ok: false, reason };
}

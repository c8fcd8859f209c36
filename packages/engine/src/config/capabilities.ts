import { dockerCapabilities } from '@gantry/oci';
import type { Security } from '../types/index.ts';
import { badConfig } from './invalid.ts';

/** capabilities(7), in the kernel's order (`include/uapi/linux/capability.h`). */
export const allCapabilities: readonly string[] = [
  'CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP', 'LINUX_IMMUTABLE', 'NET_BIND_SERVICE', 'NET_BROADCAST',
  'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE',
  'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM',
  'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF', 'CHECKPOINT_RESTORE',
].map((name) => `CAP_${name}`);

const all = 'ALL';

/** `CAP_X`, or `ALL`. @throws GantryError invalid `bad-container-config`. */
function normalise(field: 'capAdd' | 'capDrop', text: string): string {
  const upper = text.toUpperCase();
  if (upper === all || upper === `CAP_${all}`) return all;
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!allCapabilities.includes(name)) throw badConfig(`security.${field}`, `invalid ${field === 'capAdd' ? 'CapAdd' : 'CapDrop'}: unknown capability: ${JSON.stringify(name)}`);
  return name;
}

/**
 * The bounding, effective and permitted set of a container's processes, in Docker's way of adding and dropping: `ALL`
 * on one side begins from everything or nothing, and the other side's names then count.
 * @throws GantryError invalid `bad-container-config`.
 */
export function capabilitiesOf({ privileged, capAdd, capDrop }: Pick<Security, 'privileged' | 'capAdd' | 'capDrop'>): readonly string[] {
  const add = new Set(capAdd.map((name) => normalise('capAdd', name)));
  const drop = new Set(capDrop.map((name) => normalise('capDrop', name)));
  if (privileged) return allCapabilities;
  if (add.has(all)) return allCapabilities.filter((name) => !drop.has(name));
  if (drop.has(all)) return allCapabilities.filter((name) => add.has(name));
  return allCapabilities.filter((name) => (dockerCapabilities.includes(name) && !drop.has(name)) || add.has(name));
}

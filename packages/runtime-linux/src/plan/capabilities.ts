import type { OciCapabilities } from '@gantry/oci';
import { badField } from './field.ts';

/** By number, as in include/uapi/linux/capability.h. */
const names = [
  'CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP', 'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE',
  'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE',
  'AUDIT_CONTROL', 'SETFCAP', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF',
  'CHECKPOINT_RESTORE',
];

const bits: ReadonlyMap<string, bigint> = new Map(names.map((name, number) => [`CAP_${name}`, 1n << BigInt(number)]));

/** All capabilities that this package knows by name. */
export const allCapabilities: readonly string[] = [...bits.keys()];

/** The five sets as masks in hexadecimal, as the native side takes them. */
export interface CapabilityMasks {
  readonly bounding: string;
  readonly effective: string;
  readonly permitted: string;
  readonly inheritable: string;
  readonly ambient: string;
}

/**
 * The masks of an OCI process. Absent sets are empty: a process without `capabilities` has none.
 *
 * @param available the mask that this machine can give (`CapBnd` of the daemon): what lies outside is left out of every
 *   set, since no exec could ever gain it, and named in `missing`
 * @throws `GantryError` invalid: a name that Linux does not have, an effective set beyond the permitted one, an ambient
 *   set beyond the permitted or inheritable one (capabilities(7))
 */
export function capabilityMasks(
  capabilities: OciCapabilities | undefined,
  available: bigint,
  field = 'process.capabilities',
): { readonly masks: CapabilityMasks; readonly missing: readonly string[] } {
  const sets = {
    bounding: mask(capabilities?.bounding, `${field}.bounding`),
    effective: mask(capabilities?.effective, `${field}.effective`),
    permitted: mask(capabilities?.permitted, `${field}.permitted`),
    inheritable: mask(capabilities?.inheritable, `${field}.inheritable`),
    ambient: mask(capabilities?.ambient, `${field}.ambient`),
  };
  subset(sets.effective, sets.permitted, `${field}.effective`, 'permitted');
  subset(sets.ambient, sets.permitted, `${field}.ambient`, 'permitted');
  subset(sets.ambient, sets.inheritable, `${field}.ambient`, 'inheritable');
  const wanted = Object.values(sets).reduce((all, set) => all | set, 0n);
  const hex = (set: bigint): string => (set & available).toString(16);
  return {
    masks: {
      bounding: hex(sets.bounding),
      effective: hex(sets.effective),
      permitted: hex(sets.permitted),
      inheritable: hex(sets.inheritable),
      ambient: hex(sets.ambient),
    },
    missing: namesOf(wanted & ~available),
  };
}

/** The names of a mask's bits. */
export function namesOf(set: bigint): readonly string[] {
  return allCapabilities.filter((name) => (set & (bits.get(name) ?? 0n)) !== 0n);
}

function mask(list: readonly string[] | undefined, field: string): bigint {
  return (list ?? []).reduce((set, name, index) => {
    const bit = bits.get(name);
    if (bit === undefined) throw badField(`${field}[${index}]`, 'is not a capability of Linux, such as CAP_CHOWN', name);
    return set | bit;
  }, 0n);
}

function subset(inner: bigint, outer: bigint, field: string, outerName: string): void {
  const extra = namesOf(inner & ~outer);
  if (extra.length > 0) throw badField(field, `has ${extra.join(', ')}, which the ${outerName} set lacks`);
}

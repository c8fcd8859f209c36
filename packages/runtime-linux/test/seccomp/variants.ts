import type { Variant } from './recording.ts';

/** Every capability that Linux 6.18 has, by its short name (linux/capability.h). */
const capabilities = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER ' +
  'SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP ' +
  'MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
).split(' ');

/** What a container has without asking. */
const byDefault = 'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'.split(' ');

/** The containers whose filters are compared: the default, none, all, and each capability alone. */
export const variants: readonly Variant[] = [
  { name: 'default' },
  { name: 'no capability', capDrop: ['ALL'] },
  { name: 'all capabilities', capAdd: ['ALL'] },
  { name: 'privileged', privileged: true },
  { name: 'unconfined', unconfined: true },
  ...capabilities.map((capability) => ({ name: capability, capDrop: ['ALL'], capAdd: [capability] })),
];

/** The bounding set of a variant by OCI names, as Docker makes it. */
export function boundingSet({ name, capDrop = [], capAdd = [] }: Variant): string[] {
  const kept = capDrop.includes('ALL') ? [] : byDefault;
  const added = name === 'all capabilities' ? capabilities : capAdd;
  return [...new Set([...kept, ...added])].map((capability) => `CAP_${capability}`);
}

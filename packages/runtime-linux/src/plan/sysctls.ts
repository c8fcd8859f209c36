import type { OciNamespaceType } from '@gantry/oci';
import { badField, cString } from './field.ts';

/** IPC sysctls that a new ipc namespace has of its own (ipc_namespaces(7)). */
const ipc: ReadonlySet<string> = new Set([
  'kernel.msgmax', 'kernel.msgmnb', 'kernel.msgmni', 'kernel.sem', 'kernel.shmall', 'kernel.shmmax', 'kernel.shmmni', 'kernel.shm_rmid_forced',
]);

/**
 * Sysctls in the form in which the native side writes them (`net/ipv4/ip_forward`), each checked to be one that the
 * container's own namespaces hold: any other would change the host.
 *
 * Names may separate by dots or slashes; with slashes first, a dot is part of a name (`net/ipv4/conf/eth0.1/forwarding`), as sysctl(8) has it.
 *
 * @param own the namespaces that are the container's and not the host's
 * @throws `GantryError` invalid: a name outside, of a namespace that is the host's, or not a name at all
 */
export function sysctls(values: Readonly<Record<string, string>>, own: ReadonlySet<OciNamespaceType>, field = 'linux.sysctl'): readonly (readonly [string, string])[] {
  return Object.entries(values).map(([name, value]) => {
    const at = `${field}[${JSON.stringify(name)}]`;
    cString(value, at);
    const path = toPath(name);
    const parts = path.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'))) throw badField(at, 'is not the name of a sysctl');
    const namespace = namespaceOf(path);
    if (namespace === undefined) throw badField(at, 'is a setting of the whole machine, not of a container');
    if (!own.has(namespace)) throw badField(at, `needs a ${namespace} namespace of the container's own, and this one has the host's`);
    return [path, value] as const;
  });
}

function toPath(name: string): string {
  const firstDot = name.indexOf('.');
  const firstSlash = name.indexOf('/');
  if (firstSlash === -1) return name.replaceAll('.', '/');
  if (firstDot === -1 || firstSlash < firstDot) return name;
  // Dots separate; a slash then stands for a dot within a name.
  return name.replace(/[./]/g, (c) => (c === '.' ? '/' : '.'));
}

function namespaceOf(path: string): OciNamespaceType | undefined {
  if (path.startsWith('net/')) return 'network';
  if (path.startsWith('fs/mqueue/')) return 'ipc';
  if (ipc.has(path.replaceAll('/', '.'))) return 'ipc';
  if (path === 'kernel/domainname' || path === 'kernel/hostname') return 'uts';
  return undefined;
}

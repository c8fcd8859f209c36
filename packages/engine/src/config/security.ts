import type { Given } from '../types/given.ts';
import type { DeviceMapping, Namespaces, Security } from '../types/index.ts';
import { capabilitiesOf } from './capabilities.ts';
import { badConfig } from './invalid.ts';
import { containerPath } from './paths.ts';
import { parseSecurityOptions } from './security-options.ts';

/** With defaults filled in. @throws GantryError invalid `bad-container-config`. */
export function resolveSecurity(given: Given<Security>, namespaces: Namespaces, hostNetwork: boolean): Security {
  const security: Security = {
    privileged: given.privileged ?? false,
    capAdd: given.capAdd ?? [],
    capDrop: given.capDrop ?? [],
    options: given.options ?? [],
    groupAdd: given.groupAdd ?? [],
    sysctls: given.sysctls ?? {},
    maskedPaths: checkPaths('maskedPaths', given.maskedPaths),
    readonlyPaths: checkPaths('readonlyPaths', given.readonlyPaths),
    devices: (given.devices ?? []).map(checkDevice),
    deviceRules: (given.deviceRules ?? []).map(checkDeviceRule),
  };
  capabilitiesOf(security);
  parseSecurityOptions(security.options, security.privileged);
  for (const [name, value] of Object.entries(security.sysctls)) checkSysctl(name, value, namespaces, hostNetwork);
  return security;
}

function checkPaths(field: 'maskedPaths' | 'readonlyPaths', paths: readonly string[] | null | undefined): readonly string[] | null {
  return paths?.map((path) => containerPath(`security.${field}`, path, `invalid path in ${field}: ${JSON.stringify(path)} is not absolute`)) ?? null;
}

function checkDevice({ hostPath, containerPath: inside, access }: DeviceMapping): DeviceMapping {
  const field = 'security.devices';
  if (!/^[rwm]{1,3}$/.test(access)) throw badConfig(field, `invalid device mode ${JSON.stringify(access)}: expected some of r, w and m`);
  return {
    hostPath: containerPath(field, hostPath, `invalid device path ${JSON.stringify(hostPath)}: it is not absolute`),
    containerPath: containerPath(field, inside === '' ? hostPath : inside, `invalid device path ${JSON.stringify(inside)}: it is not absolute`),
    access,
  };
}

/** As of the kernel's device controller: `c 1:3 rwm`, `*` for any number. */
function checkDeviceRule(rule: string): string {
  if (!/^[acb] (?:\d{1,10}|\*):(?:\d{1,10}|\*) [rwm]{1,3}$/.test(rule)) throw badConfig('security.deviceRules', `invalid device cgroup rule format: ${JSON.stringify(rule)}`);
  return rule;
}

const ipcSysctls = new Set(['kernel.msgmax', 'kernel.msgmnb', 'kernel.msgmni', 'kernel.sem', 'kernel.shmall', 'kernel.shmmax', 'kernel.shmmni', 'kernel.shm_rmid_forced']);

/** Only what lies in a namespace of the container's own: everything else would be the host's. */
function checkSysctl(name: string, value: string, namespaces: Namespaces, hostNetwork: boolean): void {
  const field = 'security.sysctls';
  if (!/^[a-z0-9_][a-z0-9_.-]{0,255}$/i.test(name) || name.includes('..') || /[\0\n]/.test(value)) throw badConfig(field, `invalid sysctl ${JSON.stringify(name)}`);
  if (name.startsWith('net.')) {
    if (hostNetwork) throw badConfig(field, `sysctl '${name}' not allowed in host network`);
  } else if (ipcSysctls.has(name) || name.startsWith('fs.mqueue.')) {
    if (namespaces.ipc === 'host') throw badConfig(field, `sysctl '${name}' not allowed in host ipc namespace`);
  } else if (name === 'kernel.domainname') {
    if (namespaces.uts === 'host') throw badConfig(field, `sysctl '${name}' not allowed in host uts namespace`);
  } else throw badConfig(field, `sysctl '${name}' is not allowed: it is not in a namespace of the container's own`);
}

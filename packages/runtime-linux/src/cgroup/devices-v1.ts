import type { CgroupWrite } from '@gantry/linux';
import { ACCESS, type DeviceException, type DevicePolicy } from './device-rules.ts';

/** The writes that give a control group of version 1 this policy, whatever it had before (kernel documentation, cgroup-v1/devices). */
export function deviceWrites(dir: string, policy: DevicePolicy): readonly CgroupWrite[] {
  const [reset, exception] = policy.default === 'deny' ? ['devices.deny', 'devices.allow'] : ['devices.allow', 'devices.deny'];
  return [
    { path: `${dir}/${reset}`, data: 'a' },
    ...policy.exceptions.map((entry) => ({ path: `${dir}/${exception}`, data: line(entry) })),
  ];
}

function line({ type, major, minor, access }: DeviceException): string {
  const letters = `${(access & ACCESS.read) !== 0 ? 'r' : ''}${(access & ACCESS.write) !== 0 ? 'w' : ''}${(access & ACCESS.mknod) !== 0 ? 'm' : ''}`;
  return `${type} ${major ?? '*'}:${minor ?? '*'} ${letters}`;
}

import { dockerDeviceRules, type OciDeviceRule, type OciResources, type OciThrottle } from '@gantry/oci';
import type { DeviceRate, DeviceWeight, Resources, Security } from '../types/index.ts';
import type { ResolvedDevice } from './devices.ts';

const nanoPeriod = 100_000;

/** Numbers of the block devices that limits name, by their paths on the containers' machine. */
export type BlockDevices = ReadonlyMap<string, { readonly major: number; readonly minor: number }>;

export function ociResources(resources: Resources, security: Security, devices: readonly ResolvedDevice[], blocks: BlockDevices): OciResources {
  const memory = compact({
    limit: unlessZero(resources.memory),
    swap: unlessZero(resources.memorySwap),
    reservation: unlessZero(resources.memoryReservation),
    swappiness: resources.memorySwappiness ?? undefined,
    disableOOMKiller: resources.oomKillDisable === true ? true : undefined,
  });
  const cpu = compact({
    shares: unlessZero(resources.cpuShares),
    quota: resources.nanoCpus > 0 ? Math.floor((resources.nanoCpus * nanoPeriod) / 1e9) : unlessZero(resources.cpuQuota),
    period: resources.nanoCpus > 0 ? nanoPeriod : unlessZero(resources.cpuPeriod),
    realtimePeriod: unlessZero(resources.cpuRealtimePeriod),
    realtimeRuntime: unlessZero(resources.cpuRealtimeRuntime),
    cpus: resources.cpusetCpus === '' ? undefined : resources.cpusetCpus,
    mems: resources.cpusetMems === '' ? undefined : resources.cpusetMems,
  });
  const blockIO = compact({
    weight: unlessZero(resources.blkioWeight),
    weightDevice: unlessEmpty(weights(resources.blkioWeightDevices, blocks)),
    throttleReadBpsDevice: unlessEmpty(rates(resources.blkioReadBps, blocks)),
    throttleWriteBpsDevice: unlessEmpty(rates(resources.blkioWriteBps, blocks)),
    throttleReadIOPSDevice: unlessEmpty(rates(resources.blkioReadIops, blocks)),
    throttleWriteIOPSDevice: unlessEmpty(rates(resources.blkioWriteIops, blocks)),
  });
  return {
    devices: deviceRules(security, devices),
    ...(memory === undefined ? {} : { memory }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(resources.pidsLimit === null ? {} : { pids: { limit: resources.pidsLimit } }),
    ...(blockIO === undefined ? {} : { blockIO }),
  };
}

/** Paths of block devices whose numbers `ociResources` needs. */
export function blockDevicePaths(r: Resources): readonly string[] {
  return [...new Set([...r.blkioWeightDevices, ...r.blkioReadBps, ...r.blkioWriteBps, ...r.blkioReadIops, ...r.blkioWriteIops].map(({ path }) => path))];
}

function deviceRules(security: Security, devices: readonly ResolvedDevice[]): readonly OciDeviceRule[] {
  if (security.privileged) return [{ allow: true, access: 'rwm' }];
  const own = devices.map(({ node, access }): OciDeviceRule => ({
    allow: true,
    type: node.type === 'b' ? 'b' : 'c',
    ...(node.major === undefined ? {} : { major: node.major }),
    ...(node.minor === undefined ? {} : { minor: node.minor }),
    access,
  }));
  return [...dockerDeviceRules, ...own, ...security.deviceRules.map(parseRule)];
}

/** The rule was checked when the container was made. */
function parseRule(rule: string): OciDeviceRule {
  const [, type, major, minor, access] = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]+)$/.exec(rule) ?? [];
  return {
    allow: true,
    type: type === 'a' || type === 'b' ? type : 'c',
    ...(major === undefined || major === '*' ? {} : { major: Number(major) }),
    ...(minor === undefined || minor === '*' ? {} : { minor: Number(minor) }),
    ...(access === undefined ? {} : { access }),
  };
}

function weights(list: readonly DeviceWeight[], blocks: BlockDevices): readonly { readonly major: number; readonly minor: number; readonly weight: number }[] {
  return list.flatMap(({ path, weight }) => {
    const device = blocks.get(path);
    return device === undefined ? [] : [{ ...device, weight }];
  });
}

function rates(list: readonly DeviceRate[], blocks: BlockDevices): readonly OciThrottle[] {
  return list.flatMap(({ path, rate }) => {
    const device = blocks.get(path);
    return device === undefined ? [] : [{ ...device, rate }];
  });
}

function unlessZero(n: number): number | undefined {
  return n === 0 ? undefined : n;
}

function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** What has a value; undefined if nothing has. */
function compact<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } | undefined {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : (Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> }); // entries of `values`, less the undefined ones
}

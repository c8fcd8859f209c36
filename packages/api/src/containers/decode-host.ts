import type {
  BindOptions, DeviceMapping, DeviceRequest, HostConfig, LogConfig, Mount, PortBinding, PortMap, Resources, RestartPolicy, ThrottleDevice, TmpfsOptions, Ulimit, VolumeOptions, WeightDevice,
} from '@gantry/api-types';
import {
  atLeast, badField, boolean, integer, listOf, mapOf, nullable, object, oneOf, required, size, string, stringMap, strings, type Decoder,
} from '../http/decode.ts';

const mountTypes = ['bind', 'cluster', 'image', 'npipe', 'tmpfs', 'volume'] as const;
const propagations = ['', 'private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'] as const;

const bindOptions = object<BindOptions>({
  Propagation: oneOf(...propagations),
  NonRecursive: boolean,
  CreateMountpoint: boolean,
  ReadOnlyNonRecursive: boolean,
  ReadOnlyForceRecursive: boolean,
});

const volumeOptions = object<VolumeOptions>({
  NoCopy: boolean,
  Labels: stringMap,
  DriverConfig: object<NonNullable<VolumeOptions['DriverConfig']>>({ Name: string, Options: stringMap }),
  Subpath: string,
});

const tmpfsOptions = object<TmpfsOptions>({ SizeBytes: atLeast(0), Mode: atLeast(0), Options: listOf(strings) });

const mount: Decoder<Mount> = object<Mount>({
  Type: oneOf(...mountTypes),
  Source: string,
  Target: string,
  ReadOnly: boolean,
  Consistency: string,
  BindOptions: bindOptions,
  VolumeOptions: volumeOptions,
  ImageOptions: object<NonNullable<Mount['ImageOptions']>>({ Subpath: string }),
  TmpfsOptions: tmpfsOptions,
});

const deviceMapping: Decoder<DeviceMapping> = (value, at) => {
  const given = object<DeviceMapping>({ PathOnHost: string, PathInContainer: string, CgroupPermissions: string })(value, at);
  const path = required(given.PathOnHost, `${at}.PathOnHost`);
  return { PathOnHost: path, PathInContainer: given.PathInContainer ?? path, CgroupPermissions: given.CgroupPermissions ?? 'rwm' };
};

const deviceRequest: Decoder<DeviceRequest> = object<DeviceRequest>({
  Driver: string,
  Count: integer,
  DeviceIDs: strings,
  Capabilities: listOf(strings),
  Options: stringMap,
});

const throttle: Decoder<ThrottleDevice> = (value, at) => {
  const given = object<ThrottleDevice>({ Path: string, Rate: atLeast(0) })(value, at);
  return { Path: required(given.Path, `${at}.Path`), Rate: required(given.Rate, `${at}.Rate`) };
};

const weight: Decoder<WeightDevice> = (value, at) => {
  const given = object<WeightDevice>({ Path: string, Weight: atLeast(0) })(value, at);
  return { Path: required(given.Path, `${at}.Path`), Weight: required(given.Weight, `${at}.Weight`) };
};

const ulimit: Decoder<Ulimit> = (value, at) => {
  const given = object<Ulimit>({ Name: string, Hard: atLeast(-1), Soft: atLeast(-1) })(value, at);
  const hard = required(given.Hard, `${at}.Hard`);
  return { Name: required(given.Name, `${at}.Name`), Hard: hard, Soft: given.Soft ?? hard };
};

const restartPolicy: Decoder<RestartPolicy> = object<RestartPolicy>({
  Name: oneOf('', 'no', 'always', 'unless-stopped', 'on-failure'),
  MaximumRetryCount: atLeast(0),
});

const portBinding: Decoder<PortBinding> = (value, at) => {
  const given = object<PortBinding>({ HostIp: string, HostPort: string })(value, at);
  return { HostIp: given.HostIp ?? '', HostPort: given.HostPort ?? '' };
};

const portMap: Decoder<PortMap> = mapOf(nullable(listOf(portBinding)));

const logConfig: Decoder<LogConfig> = (value, at) => {
  const given = object<LogConfig>({ Type: string, Config: stringMap })(value, at);
  return { Type: given.Type ?? '', Config: given.Config ?? {} };
};

/** 0 is "not limited", as Docker's clients write it; a negative number never makes sense. */
const natural = atLeast(0);

const resources: { readonly [K in keyof Required<Resources>]: Decoder<Exclude<Required<Resources>[K], null | undefined>> } = {
  CpuShares: natural,
  Memory: natural,
  NanoCpus: natural,
  CgroupParent: string,
  BlkioWeight: natural,
  BlkioWeightDevice: listOf(weight),
  BlkioDeviceReadBps: listOf(throttle),
  BlkioDeviceWriteBps: listOf(throttle),
  BlkioDeviceReadIOps: listOf(throttle),
  BlkioDeviceWriteIOps: listOf(throttle),
  CpuPeriod: natural,
  CpuQuota: atLeast(-1),
  CpuRealtimePeriod: natural,
  CpuRealtimeRuntime: natural,
  CpusetCpus: string,
  CpusetMems: string,
  Devices: listOf(deviceMapping),
  DeviceCgroupRules: strings,
  DeviceRequests: listOf(deviceRequest),
  MemoryReservation: natural,
  MemorySwap: atLeast(-1),
  MemorySwappiness: (value, at) => {
    const n = atLeast(-1)(value, at);
    if (n > 100) throw badField(at, 'expected 0 to 100, or -1 for the default');
    return n;
  },
  OomKillDisable: boolean,
  Init: boolean,
  PidsLimit: integer,
  Ulimits: listOf(ulimit),
  CpuCount: natural,
  CpuPercent: natural,
  IOMaximumIOps: natural,
  IOMaximumBandwidth: natural,
};

/** `HostConfig` of a container to create. */
export const hostConfig: Decoder<Partial<HostConfig>> = object<HostConfig>({
  ...resources,
  Binds: strings,
  ContainerIDFile: string,
  LogConfig: logConfig,
  NetworkMode: string,
  PortBindings: portMap,
  RestartPolicy: restartPolicy,
  AutoRemove: boolean,
  VolumeDriver: string,
  VolumesFrom: strings,
  Mounts: listOf(mount),
  ConsoleSize: size,
  Annotations: stringMap,
  CapAdd: strings,
  CapDrop: strings,
  CgroupnsMode: oneOf('', 'private', 'host'),
  Dns: strings,
  DnsOptions: strings,
  DnsSearch: strings,
  ExtraHosts: strings,
  GroupAdd: strings,
  IpcMode: string,
  Cgroup: string,
  Links: strings,
  OomScoreAdj: integer,
  PidMode: string,
  Privileged: boolean,
  PublishAllPorts: boolean,
  ReadonlyRootfs: boolean,
  SecurityOpt: strings,
  StorageOpt: stringMap,
  Tmpfs: stringMap,
  UTSMode: string,
  UsernsMode: string,
  ShmSize: natural,
  Sysctls: stringMap,
  Runtime: string,
  Isolation: oneOf('', 'default', 'process', 'hyperv'),
  MaskedPaths: strings,
  ReadonlyPaths: strings,
});

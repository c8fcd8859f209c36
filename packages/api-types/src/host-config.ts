import type { StringMap } from './common.ts';
import type { Mount } from './mount.ts';

export interface DeviceMapping {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  /** Of `r`, `w` and `m`. */
  readonly CgroupPermissions: string;
}

export interface DeviceRequest {
  readonly Driver?: string;
  /** -1 is all of them. */
  readonly Count?: number;
  readonly DeviceIDs?: readonly string[] | null;
  readonly Capabilities?: readonly (readonly string[])[] | null;
  readonly Options?: StringMap | null;
}

/** `Rate` in bytes or operations a second. */
export interface ThrottleDevice {
  readonly Path: string;
  readonly Rate: number;
}

export interface WeightDevice {
  readonly Path: string;
  readonly Weight: number;
}

export interface Ulimit {
  readonly Name: string;
  readonly Hard: number;
  readonly Soft: number;
}

export interface RestartPolicy {
  readonly Name?: '' | 'no' | 'always' | 'unless-stopped' | 'on-failure';
  readonly MaximumRetryCount?: number;
}

/** A port of the host. `HostPort` is text, a number or a range, empty for any. */
export interface PortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** Keys are `80/tcp`. */
export type PortMap = Readonly<Record<string, readonly PortBinding[] | null>>;

/** `Type` names a log driver; empty is the engine's default. */
export interface LogConfig {
  readonly Type: string;
  readonly Config: StringMap | null;
}

/** The limits of a container. Memory in bytes, periods and quotas in microseconds, `NanoCpus` in billionths of a CPU; 0 is no limit. */
export interface Resources {
  readonly CpuShares: number;
  readonly Memory: number;
  readonly NanoCpus: number;
  readonly CgroupParent: string;
  readonly BlkioWeight: number;
  readonly BlkioWeightDevice: readonly WeightDevice[] | null;
  readonly BlkioDeviceReadBps: readonly ThrottleDevice[] | null;
  readonly BlkioDeviceWriteBps: readonly ThrottleDevice[] | null;
  readonly BlkioDeviceReadIOps: readonly ThrottleDevice[] | null;
  readonly BlkioDeviceWriteIOps: readonly ThrottleDevice[] | null;
  readonly CpuPeriod: number;
  readonly CpuQuota: number;
  readonly CpuRealtimePeriod: number;
  readonly CpuRealtimeRuntime: number;
  readonly CpusetCpus: string;
  readonly CpusetMems: string;
  readonly Devices: readonly DeviceMapping[] | null;
  readonly DeviceCgroupRules: readonly string[] | null;
  readonly DeviceRequests: readonly DeviceRequest[] | null;
  readonly MemoryReservation: number;
  /** -1 is unlimited. */
  readonly MemorySwap: number;
  readonly MemorySwappiness: number | null;
  readonly OomKillDisable: boolean | null;
  readonly Init?: boolean | null;
  readonly PidsLimit: number | null;
  readonly Ulimits: readonly Ulimit[] | null;
  /** Windows only. */
  readonly CpuCount: number;
  /** Windows only. */
  readonly CpuPercent: number;
  /** Windows only. */
  readonly IOMaximumIOps: number;
  /** Windows only. */
  readonly IOMaximumBandwidth: number;
}

/** What of a container depends on the host. */
export interface HostConfig extends Resources {
  readonly Binds: readonly string[] | null;
  readonly ContainerIDFile: string;
  readonly LogConfig: LogConfig;
  readonly NetworkMode: string;
  readonly PortBindings: PortMap | null;
  readonly RestartPolicy: RestartPolicy;
  readonly AutoRemove: boolean;
  readonly VolumeDriver: string;
  readonly VolumesFrom: readonly string[] | null;
  readonly Mounts?: readonly Mount[] | null;
  /** Rows, columns. */
  readonly ConsoleSize: readonly [number, number] | null;
  readonly Annotations?: StringMap | null;
  readonly CapAdd: readonly string[] | null;
  readonly CapDrop: readonly string[] | null;
  readonly CgroupnsMode: '' | 'private' | 'host';
  readonly Dns: readonly string[] | null;
  readonly DnsOptions: readonly string[] | null;
  readonly DnsSearch: readonly string[] | null;
  readonly ExtraHosts: readonly string[] | null;
  readonly GroupAdd: readonly string[] | null;
  readonly IpcMode: string;
  readonly Cgroup: string;
  readonly Links: readonly string[] | null;
  readonly OomScoreAdj: number;
  readonly PidMode: string;
  readonly Privileged: boolean;
  readonly PublishAllPorts: boolean;
  readonly ReadonlyRootfs: boolean;
  readonly SecurityOpt: readonly string[] | null;
  readonly StorageOpt?: StringMap | null;
  readonly Tmpfs?: StringMap | null;
  readonly UTSMode: string;
  readonly UsernsMode: string;
  readonly ShmSize: number;
  readonly Sysctls?: StringMap | null;
  readonly Runtime?: string | null;
  readonly Isolation: '' | 'default' | 'process' | 'hyperv';
  readonly MaskedPaths: readonly string[] | null;
  readonly ReadonlyPaths: readonly string[] | null;
}

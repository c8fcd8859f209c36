import { availableParallelism } from 'node:os';
import type { HostConfig, Resources, ThrottleDevice } from '@gantry/api-types';
import type { ContainerConfig, DeviceRate } from '@gantry/engine';
import { dockerMaskedPaths, dockerReadonlyPaths } from '@gantry/oci';

const throttles = (devices: readonly DeviceRate[]): readonly ThrottleDevice[] => devices.map(({ path, rate }) => ({ Path: path, Rate: rate }));

/** Docker writes null for what is empty. */
const orNull = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list);

function toResources({ resources: r, security }: ContainerConfig): Resources {
  return {
    CpuShares: r.cpuShares,
    Memory: r.memory,
    NanoCpus: r.nanoCpus,
    CgroupParent: r.cgroupParent,
    BlkioWeight: r.blkioWeight,
    BlkioWeightDevice: r.blkioWeightDevices.map(({ path, weight }) => ({ Path: path, Weight: weight })),
    BlkioDeviceReadBps: throttles(r.blkioReadBps),
    BlkioDeviceWriteBps: throttles(r.blkioWriteBps),
    BlkioDeviceReadIOps: throttles(r.blkioReadIops),
    BlkioDeviceWriteIOps: throttles(r.blkioWriteIops),
    CpuPeriod: r.cpuPeriod,
    CpuQuota: r.cpuQuota,
    CpuRealtimePeriod: r.cpuRealtimePeriod,
    CpuRealtimeRuntime: r.cpuRealtimeRuntime,
    CpusetCpus: r.cpusetCpus,
    CpusetMems: r.cpusetMems,
    Devices: security.devices.map(({ hostPath, containerPath, access }) => ({ PathOnHost: hostPath, PathInContainer: containerPath, CgroupPermissions: access })),
    DeviceCgroupRules: orNull(security.deviceRules),
    DeviceRequests: null,
    MemoryReservation: r.memoryReservation,
    MemorySwap: r.memorySwap,
    MemorySwappiness: r.memorySwappiness,
    OomKillDisable: r.oomKillDisable,
    PidsLimit: r.pidsLimit,
    Ulimits: r.ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

/** The paths that apply, named one by one as Docker does; a privileged container has none. */
function paths(given: readonly string[] | null, usual: readonly string[], privileged: boolean): readonly string[] | null {
  return given ?? (privileged ? null : usual);
}

const hostOnly = (mode: 'private' | 'host'): '' | 'host' => (mode === 'host' ? 'host' : '');

/** What a container was made with, as inspect shows it. */
export function toHostConfig(config: ContainerConfig): HostConfig {
  const { security, namespaces, filesystem, network, restart, log, consoleSize } = config;
  return {
    ...toResources(config),
    Binds: null,
    ContainerIDFile: '',
    LogConfig: { Type: log.driver, Config: log.options },
    NetworkMode: network.mode,
    PortBindings: {},
    RestartPolicy: { Name: restart.name, MaximumRetryCount: restart.maximumRetryCount },
    AutoRemove: config.autoRemove,
    VolumeDriver: '',
    VolumesFrom: null,
    ConsoleSize: [consoleSize?.rows ?? 0, consoleSize?.cols ?? 0],
    ...(Object.keys(config.annotations).length === 0 ? {} : { Annotations: config.annotations }),
    CapAdd: orNull(security.capAdd),
    CapDrop: orNull(security.capDrop),
    CgroupnsMode: namespaces.cgroup,
    Dns: network.dns,
    DnsOptions: network.dnsOptions,
    DnsSearch: network.dnsSearch,
    ExtraHosts: orNull(network.extraHosts),
    GroupAdd: orNull(security.groupAdd),
    IpcMode: namespaces.ipc,
    Cgroup: '',
    Links: null,
    OomScoreAdj: config.resources.oomScoreAdj,
    PidMode: hostOnly(namespaces.pid),
    Privileged: security.privileged,
    PublishAllPorts: false,
    ReadonlyRootfs: filesystem.readonlyRoot,
    SecurityOpt: orNull(security.options),
    ...(Object.keys(filesystem.tmpfs).length === 0 ? {} : { Tmpfs: filesystem.tmpfs }),
    UTSMode: hostOnly(namespaces.uts),
    UsernsMode: '',
    ShmSize: filesystem.shmSize,
    ...(Object.keys(security.sysctls).length === 0 ? {} : { Sysctls: security.sysctls }),
    Runtime: config.runtime,
    Isolation: '',
    MaskedPaths: paths(security.maskedPaths, dockerMaskedPaths(availableParallelism()), security.privileged),
    ReadonlyPaths: paths(security.readonlyPaths, dockerReadonlyPaths, security.privileged),
  };
}

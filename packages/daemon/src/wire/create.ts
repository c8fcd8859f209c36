import type { ContainerCreateCall } from '@gantry/api';
import type { HostConfig, LogConfig as WireLogConfig, ThrottleDevice } from '@gantry/api-types';
import type { CreateContainer, DeviceRate } from '@gantry/engine';
import { parsePlatform } from '@gantry/oci';

type Host = Partial<HostConfig>;
type Given<T> = T | null | undefined;

/** Docker's null means "not said". */
const said = <T>(value: Given<T>): T | undefined => value ?? undefined;
/** Docker's empty text means "not said". */
const filled = (value: Given<string>): string | undefined => (value === null || value === '' ? undefined : value);
/** Docker's zero means "not said", where zero would be an order. */
const positive = (value: Given<number>): number | undefined => (value === null || value === 0 ? undefined : value);

const rates = (devices: Given<readonly ThrottleDevice[]>): readonly DeviceRate[] | undefined => devices?.map(({ Path, Rate }) => ({ path: Path, rate: Rate }));

function resources(host: Host): CreateContainer['resources'] {
  return {
    memory: said(host.Memory),
    memorySwap: said(host.MemorySwap),
    memoryReservation: said(host.MemoryReservation),
    memorySwappiness: said(host.MemorySwappiness),
    oomKillDisable: said(host.OomKillDisable),
    oomScoreAdj: said(host.OomScoreAdj),
    nanoCpus: said(host.NanoCpus),
    cpuShares: said(host.CpuShares),
    cpuQuota: said(host.CpuQuota),
    cpuPeriod: said(host.CpuPeriod),
    cpuRealtimePeriod: said(host.CpuRealtimePeriod),
    cpuRealtimeRuntime: said(host.CpuRealtimeRuntime),
    cpusetCpus: said(host.CpusetCpus),
    cpusetMems: said(host.CpusetMems),
    pidsLimit: said(host.PidsLimit),
    blkioWeight: said(host.BlkioWeight),
    blkioWeightDevices: host.BlkioWeightDevice?.map(({ Path, Weight }) => ({ path: Path, weight: Weight })),
    blkioReadBps: rates(host.BlkioDeviceReadBps),
    blkioWriteBps: rates(host.BlkioDeviceWriteBps),
    blkioReadIops: rates(host.BlkioDeviceReadIOps),
    blkioWriteIops: rates(host.BlkioDeviceWriteIOps),
    ulimits: host.Ulimits?.map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
    cgroupParent: said(host.CgroupParent),
  };
}

function security(host: Host): CreateContainer['security'] {
  return {
    privileged: said(host.Privileged),
    capAdd: said(host.CapAdd),
    capDrop: said(host.CapDrop),
    options: said(host.SecurityOpt),
    groupAdd: said(host.GroupAdd),
    sysctls: said(host.Sysctls),
    maskedPaths: said(host.MaskedPaths),
    readonlyPaths: said(host.ReadonlyPaths),
    devices: host.Devices?.map(({ PathOnHost, PathInContainer, CgroupPermissions }) => ({ hostPath: PathOnHost, containerPath: PathInContainer, access: CgroupPermissions })),
    deviceRules: said(host.DeviceCgroupRules),
  };
}

/** An empty type is the engine's default; options go with it either way. */
function log(config: WireLogConfig | undefined): CreateContainer['log'] {
  return config === undefined ? undefined : { driver: filled(config.Type), options: said(config.Config) };
}

/** Rows and columns of zero are what a client sends that has no terminal. */
function consoleSize(size: Host['ConsoleSize']): CreateContainer['consoleSize'] {
  if (size === undefined || size === null || size[0] === 0 || size[1] === 0) return undefined;
  return { rows: size[0], cols: size[1] };
}

/** A request of the API as the engine takes it. Nothing is dropped: what the engine cannot do yet goes along for it to refuse. */
export function toCreateContainer({ body, name, platform }: ContainerCreateCall): CreateContainer {
  const host = body.HostConfig ?? {};
  return {
    image: body.Image,
    name,
    platform: platform === undefined ? undefined : parsePlatform(platform),
    entrypoint: said(body.Entrypoint),
    cmd: said(body.Cmd),
    env: said(body.Env),
    user: said(body.User),
    workingDir: said(body.WorkingDir),
    hostname: said(body.Hostname),
    domainname: said(body.Domainname),
    labels: said(body.Labels),
    terminal: said(body.Tty),
    stdin: said(body.OpenStdin),
    stdinOnce: said(body.StdinOnce),
    attach: { stdin: body.AttachStdin ?? false, stdout: body.AttachStdout ?? false, stderr: body.AttachStderr ?? false },
    stopSignal: said(body.StopSignal),
    stopTimeout: said(body.StopTimeout),
    exposedPorts: body.ExposedPorts === undefined || body.ExposedPorts === null ? undefined : Object.keys(body.ExposedPorts),
    volumes: body.Volumes === undefined || body.Volumes === null ? undefined : Object.keys(body.Volumes),
    healthcheck: body.Healthcheck === undefined ? undefined : withoutNulls(body.Healthcheck),
    onBuild: said(body.OnBuild),
    shell: said(body.Shell),
    networkDisabled: said(body.NetworkDisabled),
    resources: resources(host),
    security: security(host),
    namespaces: { ipc: filled(host.IpcMode), pid: filled(host.PidMode), uts: filled(host.UTSMode), cgroup: filled(host.CgroupnsMode) },
    filesystem: { readonlyRoot: said(host.ReadonlyRootfs), tmpfs: said(host.Tmpfs), shmSize: positive(host.ShmSize) },
    network: { mode: filled(host.NetworkMode), dns: said(host.Dns), dnsSearch: said(host.DnsSearch), dnsOptions: said(host.DnsOptions), extraHosts: said(host.ExtraHosts) },
    restart: { name: filled(host.RestartPolicy?.Name), maximumRetryCount: host.RestartPolicy?.MaximumRetryCount },
    log: log(host.LogConfig),
    autoRemove: said(host.AutoRemove),
    runtime: filled(host.Runtime),
    annotations: said(host.Annotations),
    consoleSize: consoleSize(host.ConsoleSize),
    notYet: notYet(body, host),
  };
}

function notYet(body: ContainerCreateCall['body'], host: Host): CreateContainer['notYet'] {
  return {
    binds: said(host.Binds),
    mounts: said(host.Mounts),
    volumesFrom: said(host.VolumesFrom),
    volumeDriver: said(host.VolumeDriver),
    ports: host.PortBindings === undefined || host.PortBindings === null ? undefined : Object.fromEntries(
      Object.entries(host.PortBindings).map(([port, bindings]) => [port, bindings?.map(({ HostIp, HostPort }) => ({ hostIp: HostIp, hostPort: HostPort })) ?? null]),
    ),
    publishAll: said(host.PublishAllPorts),
    links: said(host.Links),
    init: said(host.Init),
    deviceRequests: said(host.DeviceRequests),
    storageOptions: said(host.StorageOpt),
    userns: said(host.UsernsMode),
    macAddress: said(body.MacAddress),
    endpoints: said(body.NetworkingConfig?.EndpointsConfig),
  };
}

function withoutNulls({ Test, ...rest }: NonNullable<ContainerCreateCall['body']['Healthcheck']>): CreateContainer['healthcheck'] {
  return { ...rest, ...(Test === undefined || Test === null ? {} : { Test }) };
}

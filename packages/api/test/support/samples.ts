import type { ContainerConfig, ContainerInspectResponse, ContainerSummary, HostConfig, ImageInspect, ImageSummary, NetworkInspect, SystemInfo, SystemVersion } from '@gantry/api-types';

/** Values as an engine would give them, in the newest version's form. */
export const id = 'de21c40f9ddca2dacd4986f5226a36adc617ed5e960d93c42e327b653d4d9783';
export const digest: `sha256:${string}` = `sha256:${id}`;

const descriptor = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1234 };

export const config: ContainerConfig = {
  Hostname: 'de21c40f9ddc', Domainname: '', User: '', AttachStdin: false, AttachStdout: true, AttachStderr: true, Tty: false, OpenStdin: false,
  StdinOnce: false, Env: ['PATH=/bin'], Cmd: ['echo', 'hi'], Image: 'busybox', Volumes: null, WorkingDir: '', Entrypoint: null, Labels: {},
};

export const hostConfig: HostConfig = {
  CpuShares: 0, Memory: 0, NanoCpus: 0, CgroupParent: '', BlkioWeight: 0, BlkioWeightDevice: null, BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null, BlkioDeviceReadIOps: null, BlkioDeviceWriteIOps: null, CpuPeriod: 0, CpuQuota: 0, CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0, CpusetCpus: '', CpusetMems: '', Devices: null, DeviceCgroupRules: null, DeviceRequests: null, MemoryReservation: 0,
  MemorySwap: 0, MemorySwappiness: 60, OomKillDisable: false, PidsLimit: 100, Ulimits: null, CpuCount: 0, CpuPercent: 0, IOMaximumIOps: 0,
  IOMaximumBandwidth: 0, Binds: null, ContainerIDFile: '', LogConfig: { Type: 'json-file', Config: {} }, NetworkMode: 'default', PortBindings: {},
  RestartPolicy: { Name: 'no', MaximumRetryCount: 0 }, AutoRemove: false, VolumeDriver: '', VolumesFrom: null, ConsoleSize: [0, 0], CapAdd: null,
  CapDrop: null, CgroupnsMode: 'private', Dns: null, DnsOptions: null, DnsSearch: null, ExtraHosts: null, GroupAdd: null, IpcMode: 'private',
  Cgroup: '', Links: null, OomScoreAdj: 0, PidMode: '', Privileged: false, PublishAllPorts: false, ReadonlyRootfs: false, SecurityOpt: null,
  UTSMode: '', UsernsMode: '', ShmSize: 67108864, Runtime: 'linux', Isolation: '', MaskedPaths: ['/proc/kcore'], ReadonlyPaths: ['/proc/sys'],
};

const endpoint = {
  IPAMConfig: null, Links: null, Aliases: ['web'], MacAddress: '', DriverOpts: null, GwPriority: 0, NetworkID: 'n1', EndpointID: 'e1', Gateway: '172.17.0.1',
  IPAddress: '172.17.0.2', IPPrefixLen: 16, IPv6Gateway: '', GlobalIPv6Address: '', GlobalIPv6PrefixLen: 0, DNSNames: ['web', 'de21c40f9ddc'],
};

export const container: ContainerInspectResponse = {
  Id: id, Created: '2026-11-25T01:17:31.982303744Z', Path: 'echo', Args: ['hi'],
  State: {
    Status: 'running', Running: true, Paused: false, Restarting: false, OOMKilled: false, Dead: false, Pid: 42, ExitCode: 0, Error: '',
    StartedAt: '2026-11-25T01:17:32.304528438Z', FinishedAt: '0001-01-01T00:00:00Z',
  },
  Image: digest, ResolvConfPath: '/r', HostnamePath: '/h', HostsPath: '/e', LogPath: '/l', Name: '/web', RestartCount: 0, Driver: 'overlay', Platform: 'linux',
  ImageManifestDescriptor: descriptor, MountLabel: '', ProcessLabel: '', AppArmorProfile: '', ExecIDs: null, HostConfig: hostConfig,
  Storage: { RootFS: { Snapshot: { Name: 'overlay' } } }, Mounts: [], Config: config,
  NetworkSettings: { SandboxID: 's1', SandboxKey: '/ns', Ports: {}, Networks: { bridge: endpoint } },
};

export const containerSummary: ContainerSummary = {
  Id: id, Names: ['/web'], Image: 'busybox', ImageID: digest, ImageManifestDescriptor: descriptor, Command: 'echo hi', Created: 1795569451, Ports: [],
  Labels: {}, State: 'running', Status: 'Up 2 seconds', HostConfig: { NetworkMode: 'default', Annotations: { a: 'b' } },
  NetworkSettings: { Networks: { bridge: endpoint } }, Mounts: [], Health: { Status: 'none', FailingStreak: 0 },
};

export const imageSummary: ImageSummary = {
  Id: digest, ParentId: '', RepoTags: [], RepoDigests: [], Created: 1795568908, Size: 1984172, SharedSize: -1, Labels: null, Containers: 2,
  Manifests: [], Descriptor: descriptor,
};

export const image: ImageInspect = {
  Id: digest, RepoTags: ['busybox:latest'], RepoDigests: [`busybox@${digest}`], Descriptor: descriptor, Manifests: [], Identity: { Pull: [{ Repository: 'docker.io/library/busybox' }] },
  Config: { Cmd: ['sh'], Env: ['PATH=/bin'] }, Architecture: 'amd64', Os: 'linux', Size: 1984172, GraphDriver: { Name: 'overlay', Data: {} },
  RootFS: { Type: 'layers', Layers: [digest] }, Metadata: { LastTagTime: '2026-11-25T01:09:12.208778919Z' },
};

export const network: NetworkInspect = {
  Name: 'none', Id: '0bc6', Created: '2026-11-25T01:06:59.13808404Z', Scope: 'local', Driver: 'null', EnableIPv4: true, EnableIPv6: false,
  IPAM: { Driver: 'default', Options: null, Config: [] }, Internal: false, Attachable: false, Ingress: false, ConfigFrom: { Network: '' }, ConfigOnly: false,
  Containers: {}, Options: {}, Labels: {},
};

export const version: SystemVersion = {
  Platform: { Name: 'Gantry' }, Components: [{ Name: 'Engine', Version: '0.1.0', Details: { ApiVersion: '1.56' } }], Version: '0.1.0', ApiVersion: '1.56',
  MinAPIVersion: '1.24', GitCommit: '', GoVersion: '', Os: 'linux', Arch: 'amd64', KernelVersion: '6.18', BuildTime: '2026-11-25T00:00:00Z',
};

export const info: SystemInfo = {
  ID: 'x', Containers: 0, ContainersRunning: 0, ContainersPaused: 0, ContainersStopped: 0, Images: 0, Driver: 'overlay', DriverStatus: [['a', 'b']],
  DockerRootDir: '/d', Plugins: { Volume: [], Network: ['host', 'null'], Authorization: null, Log: ['json-file'] }, MemoryLimit: true, SwapLimit: true,
  CpuCfsPeriod: true, CpuCfsQuota: true, CPUShares: true, CPUSet: true, PidsLimit: true, OomKillDisable: true, IPv4Forwarding: true, Debug: false, NFd: 1,
  NGoroutines: 1, SystemTime: '2026-11-25T00:00:00Z', LoggingDriver: 'json-file', CgroupDriver: 'cgroupfs', CgroupVersion: '1', NEventsListener: 0,
  KernelVersion: '6.18', OperatingSystem: 'Debian', OSVersion: '12', OSType: 'linux', Architecture: 'x86_64', NCPU: 2, MemTotal: 1,
  IndexServerAddress: 'https://index.docker.io/v1/',
  RegistryConfig: { InsecureRegistryCIDRs: ['127.0.0.0/8'], IndexConfigs: { 'docker.io': { Name: 'docker.io', Mirrors: [], Secure: true, Official: true } }, Mirrors: [] },
  GenericResources: null, HttpProxy: '', HttpsProxy: '', NoProxy: '', Name: 'vm', Labels: [], ExperimentalBuild: false, ServerVersion: '0.1.0',
  Runtimes: { linux: { path: 'linux', status: { a: 'b' } } }, DefaultRuntime: 'linux',
  Swarm: { NodeID: '', NodeAddr: '', LocalNodeState: 'inactive', ControlAvailable: false, Error: '', RemoteManagers: null }, LiveRestoreEnabled: true,
  Isolation: '', InitBinary: '', ContainerdCommit: { ID: '' }, RuncCommit: { ID: '' }, InitCommit: { ID: '' }, SecurityOptions: ['name=seccomp,profile=builtin'],
  FirewallBackend: { Driver: 'nftables' }, DiscoveredDevices: [], NRI: { Info: [['a', 'b']] }, CDISpecDirs: [], Containerd: { Address: '/c' }, Warnings: null,
};

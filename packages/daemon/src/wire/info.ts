import type { RegistryServiceConfig, SystemInfo, SystemVersion } from '@gantry/api-types';
import { maxApiVersion, minApiVersion } from '@gantry/api-types';
import type { EngineInfo } from '@gantry/engine';

/** What the daemon knows besides its engine. */
export interface DaemonFacts {
  readonly product: { readonly name: string; readonly version: string };
  readonly debug: boolean;
  readonly registryMirrors: readonly string[];
  readonly insecureRegistries: readonly string[];
  /** Without their secrets. */
  readonly proxies: { readonly http: string; readonly https: string; readonly except: string };
  /** Open descriptors of this process. */
  readonly descriptors: number;
  /** Does the machine pass packets on? */
  readonly forwarding: boolean;
  /** `VERSION_ID` of os-release(5). */
  readonly osVersion: string;
}

const goArch: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm', i686: '386' };

/** Loopback may always go without TLS. */
const loopback = '127.0.0.0/8';

function registries({ registryMirrors, insecureRegistries }: DaemonFacts): RegistryServiceConfig {
  const networks = insecureRegistries.filter((entry) => entry.includes('/'));
  const hosts = insecureRegistries.filter((entry) => !entry.includes('/'));
  return {
    InsecureRegistryCIDRs: [...new Set([...networks, loopback])],
    IndexConfigs: {
      'docker.io': { Name: 'docker.io', Mirrors: registryMirrors, Secure: true, Official: true },
      ...Object.fromEntries(hosts.map((host) => [host, { Name: host, Mirrors: [], Secure: false, Official: false }])),
    },
    Mirrors: registryMirrors,
  };
}

/** `GET /info`. A feature is there unless the host says otherwise. */
export function toInfo(info: EngineInfo, facts: DaemonFacts): SystemInfo {
  const { host } = info;
  const has = (feature: string): boolean => host.features[feature] !== 'false';
  const v1 = host.cgroup === 'v1';
  return {
    ID: info.id,
    Containers: info.containers.total,
    ContainersRunning: info.containers.running,
    ContainersPaused: info.containers.paused,
    ContainersStopped: info.containers.stopped,
    Images: info.images,
    Driver: info.storage.name,
    DriverStatus: info.storage.status,
    DockerRootDir: info.dataRoot,
    Plugins: { Volume: [], Network: ['host', 'null'], Authorization: null, Log: info.logs },
    MemoryLimit: has('memoryLimit'),
    SwapLimit: has('swapLimit'),
    CpuCfsPeriod: has('cpuCfs'),
    CpuCfsQuota: has('cpuCfs'),
    CPUShares: has('cpuShares'),
    CPUSet: has('cpuset'),
    PidsLimit: has('pidsLimit'),
    OomKillDisable: v1 && has('oomKillDisable'),
    IPv4Forwarding: facts.forwarding,
    Debug: facts.debug,
    NFd: facts.descriptors,
    NGoroutines: 0,
    SystemTime: info.time,
    LoggingDriver: info.defaultLog,
    CgroupDriver: host.cgroupDriver,
    CgroupVersion: v1 ? '1' : '2',
    NEventsListener: info.eventListeners,
    KernelVersion: host.kernel,
    OperatingSystem: host.os,
    OSVersion: facts.osVersion,
    OSType: 'linux',
    Architecture: host.arch,
    NCPU: host.cpus,
    MemTotal: host.memory,
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: registries(facts),
    GenericResources: null,
    HttpProxy: facts.proxies.http,
    HttpsProxy: facts.proxies.https,
    NoProxy: facts.proxies.except,
    Name: host.name,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: facts.product.version,
    Runtimes: Object.fromEntries(info.runtimes.map((name) => [name, { path: name }])),
    DefaultRuntime: info.defaultRuntime,
    Swarm: { NodeID: '', NodeAddr: '', LocalNodeState: 'inactive', ControlAvailable: false, Error: '', RemoteManagers: null },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: '',
    ContainerdCommit: { ID: '' },
    RuncCommit: { ID: '' },
    InitCommit: { ID: '' },
    SecurityOptions: info.securityOptions,
    Warnings: info.warnings.length === 0 ? null : info.warnings,
  };
}

/** `GET /version`. */
export function toVersion(product: DaemonFacts['product'], host: Pick<EngineInfo['host'], 'kernel' | 'arch'>): SystemVersion {
  const arch = goArch[host.arch] ?? host.arch;
  const details = {
    ApiVersion: maxApiVersion, Arch: arch, BuildTime: '', Experimental: 'false', GitCommit: '', GoVersion: '', KernelVersion: host.kernel, MinAPIVersion: minApiVersion, Os: 'linux',
  };
  return {
    Platform: { Name: product.name },
    Components: [
      { Name: 'Engine', Version: product.version, Details: details },
      { Name: 'Node.js', Version: process.versions.node, Details: {} },
    ],
    Version: product.version,
    ApiVersion: maxApiVersion,
    MinAPIVersion: minApiVersion,
    GitCommit: '',
    GoVersion: '',
    Os: 'linux',
    Arch: arch,
    KernelVersion: host.kernel,
    BuildTime: '',
  };
}

import type { StringMap } from './common.ts';

export interface SystemVersion {
  readonly Platform: { readonly Name: string };
  readonly Components: readonly ComponentVersion[];
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion: string;
  readonly GitCommit: string;
  /** The version of the Go tool chain; empty for an engine that is not written in Go. */
  readonly GoVersion: string;
  readonly Os: string;
  /** As Go names it: `amd64`, `arm64`. */
  readonly Arch: string;
  readonly KernelVersion?: string;
  readonly Experimental?: boolean;
  /** RFC 3339. */
  readonly BuildTime?: string;
}

export interface ComponentVersion {
  readonly Name: string;
  readonly Version: string;
  readonly Details?: StringMap | null;
}

export interface PluginsInfo {
  readonly Volume: readonly string[];
  readonly Network: readonly string[];
  readonly Authorization: readonly string[] | null;
  readonly Log: readonly string[];
}

export interface IndexInfo {
  readonly Name: string;
  readonly Mirrors: readonly string[];
  readonly Secure: boolean;
  readonly Official: boolean;
}

export interface RegistryServiceConfig {
  readonly InsecureRegistryCIDRs: readonly string[];
  readonly IndexConfigs: Readonly<Record<string, IndexInfo>>;
  readonly Mirrors: readonly string[];
  /** API below 1.49, always empty. */
  readonly AllowNondistributableArtifactsCIDRs?: readonly string[] | null;
  /** API below 1.49, always empty. */
  readonly AllowNondistributableArtifactsHostnames?: readonly string[] | null;
}

export interface Runtime {
  readonly path?: string;
  readonly runtimeArgs?: readonly string[] | null;
  /** API 1.44 and above. */
  readonly status?: StringMap | null;
}

export interface Commit {
  readonly ID: string;
  /** API below 1.49: the same as `ID`. */
  readonly Expected?: string;
}

/** Where the node stands in a swarm. Gantry has no swarm: always `inactive`. */
export interface SwarmInfo {
  readonly NodeID: string;
  readonly NodeAddr: string;
  readonly LocalNodeState: LocalNodeState;
  readonly ControlAvailable: boolean;
  readonly Error: string;
  readonly RemoteManagers: null;
}

export type LocalNodeState = '' | 'inactive' | 'pending' | 'active' | 'error' | 'locked';

export interface FirewallInfo {
  readonly Driver: string;
  readonly Info?: readonly (readonly [string, string])[];
}

export interface DeviceInfo {
  readonly Source: string;
  readonly ID: string;
}

export interface ContainerdInfo {
  readonly Address?: string;
  readonly Namespaces?: { readonly Containers?: string; readonly Plugins?: string };
}

export interface NRIInfo {
  readonly Info?: readonly (readonly [string, string])[];
}

/** `GET /info`. `MemTotal` in bytes. */
export interface SystemInfo {
  readonly ID: string;
  readonly Containers: number;
  readonly ContainersRunning: number;
  readonly ContainersPaused: number;
  readonly ContainersStopped: number;
  readonly Images: number;
  readonly Driver: string;
  readonly DriverStatus: readonly (readonly [string, string])[];
  readonly DockerRootDir: string;
  readonly Plugins: PluginsInfo;
  readonly MemoryLimit: boolean;
  readonly SwapLimit: boolean;
  readonly CpuCfsPeriod: boolean;
  readonly CpuCfsQuota: boolean;
  readonly CPUShares: boolean;
  readonly CPUSet: boolean;
  readonly PidsLimit: boolean;
  readonly OomKillDisable: boolean;
  readonly IPv4Forwarding: boolean;
  /** API below 1.50, always false. */
  readonly BridgeNfIptables?: boolean;
  /** API below 1.50, always false. */
  readonly BridgeNfIp6tables?: boolean;
  readonly Debug: boolean;
  readonly NFd: number;
  readonly NGoroutines: number;
  readonly SystemTime: string;
  readonly LoggingDriver: string;
  readonly CgroupDriver: 'cgroupfs' | 'systemd' | 'none';
  readonly CgroupVersion?: '1' | '2';
  readonly NEventsListener: number;
  readonly KernelVersion: string;
  readonly OperatingSystem: string;
  readonly OSVersion: string;
  readonly OSType: string;
  /** As the kernel names it: `x86_64`, `aarch64`. */
  readonly Architecture: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly IndexServerAddress: string;
  readonly RegistryConfig: RegistryServiceConfig;
  readonly GenericResources: null;
  readonly HttpProxy: string;
  readonly HttpsProxy: string;
  readonly NoProxy: string;
  readonly Name: string;
  readonly Labels: readonly string[];
  readonly ExperimentalBuild: boolean;
  readonly ServerVersion: string;
  readonly Runtimes: Readonly<Record<string, Runtime>>;
  readonly DefaultRuntime: string;
  readonly Swarm: SwarmInfo;
  readonly LiveRestoreEnabled: boolean;
  readonly Isolation: '' | 'default' | 'hyperv' | 'process';
  readonly InitBinary: string;
  readonly ContainerdCommit: Commit;
  readonly RuncCommit: Commit;
  readonly InitCommit: Commit;
  readonly SecurityOptions: readonly string[];
  readonly ProductLicense?: string;
  readonly DefaultAddressPools?: readonly { readonly Base: string; readonly Size: number }[];
  /** API 1.49 and above. */
  readonly FirewallBackend?: FirewallInfo;
  /** API 1.50 and above. */
  readonly DiscoveredDevices?: readonly DeviceInfo[];
  /** API 1.53 and above. */
  readonly NRI?: NRIInfo;
  /** API 1.44 and above. */
  readonly CDISpecDirs?: readonly string[];
  /** API 1.46 and above, of an engine that runs on containerd. */
  readonly Containerd?: ContainerdInfo;
  readonly Warnings: readonly string[] | null;
}

/** A driver as `GET /gantry/drivers` tells of it (an addition of Gantry to the API). */
export interface DriverReport {
  readonly kind: string;
  readonly name: string;
  /** The npm package that it comes from; empty if it was given as an object. */
  readonly package: string;
  /** `used`: opened; `passed-over`: its probe failed, and another one is used; `available`: configured, not the default. */
  readonly status: 'used' | 'passed-over' | 'available';
  /** Why it was passed over. */
  readonly reason?: string;
}

/** The body of `POST /auth` and what `X-Registry-Auth` holds, as base64url of its JSON. */
export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly serveraddress?: string;
  /** Base64 of `user:password`, in place of the two. */
  readonly auth?: string;
  readonly email?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

export interface AuthResponse {
  readonly Status: string;
  readonly IdentityToken: string;
}

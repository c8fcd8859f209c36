import type { DriverData, OCIDescriptor, StringMap } from './common.ts';
import type { ContainerConfig } from './container-config.ts';
import type { HostConfig, PortMap } from './host-config.ts';
import type { MountPoint } from './mount.ts';
import type { EndpointSettings, NetworkingConfig } from './network.ts';

export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export type HealthStatus = 'none' | 'starting' | 'healthy' | 'unhealthy';

export interface HealthcheckResult {
  readonly Start: string;
  readonly End: string;
  readonly ExitCode: number;
  readonly Output: string;
}

export interface Health {
  readonly Status: HealthStatus;
  readonly FailingStreak: number;
  readonly Log: readonly HealthcheckResult[] | null;
}

/** Times in RFC 3339; what has not happened is `0001-01-01T00:00:00Z`. */
export interface ContainerState {
  readonly Status: ContainerStatus;
  readonly Running: boolean;
  readonly Paused: boolean;
  readonly Restarting: boolean;
  readonly OOMKilled: boolean;
  readonly Dead: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly Error: string;
  readonly StartedAt: string;
  readonly FinishedAt: string;
  readonly Health?: Health;
}

export interface NetworkSettings {
  readonly SandboxID: string;
  readonly SandboxKey: string;
  readonly Ports: PortMap;
  readonly Networks: Readonly<Record<string, EndpointSettings>>;
}

/** The fields of `NetworkSettings` that API versions below 1.52 had besides: those of the default bridge. */
export interface LegacyNetworkSettings extends NetworkSettings {
  readonly Bridge: string;
  readonly HairpinMode: boolean;
  readonly LinkLocalIPv6Address: string;
  readonly LinkLocalIPv6PrefixLen: number;
  readonly SecondaryIPAddresses: null;
  readonly SecondaryIPv6Addresses: null;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly MacAddress: string;
}

/** `GET /containers/{id}/json`. Sizes in bytes, present when `size` was asked for. */
export interface ContainerInspectResponse {
  readonly Id: string;
  readonly Created: string;
  readonly Path: string;
  readonly Args: readonly string[];
  readonly State: ContainerState;
  readonly Image: string;
  readonly ResolvConfPath: string;
  readonly HostnamePath: string;
  readonly HostsPath: string;
  readonly LogPath: string;
  readonly Name: string;
  readonly RestartCount: number;
  readonly Driver: string;
  readonly Platform: string;
  /** API 1.48 and above. */
  readonly ImageManifestDescriptor?: OCIDescriptor;
  readonly MountLabel: string;
  readonly ProcessLabel: string;
  readonly AppArmorProfile: string;
  readonly ExecIDs: readonly string[] | null;
  readonly HostConfig: HostConfig;
  readonly GraphDriver?: DriverData | null;
  readonly Storage?: { readonly RootFS?: { readonly Snapshot?: { readonly Name: string } | null } | null } | null;
  readonly SizeRw?: number | null;
  readonly SizeRootFs?: number | null;
  readonly Mounts: readonly MountPoint[];
  readonly Config: ContainerConfig;
  readonly NetworkSettings: NetworkSettings | LegacyNetworkSettings;
}

export interface PortSummary {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: 'tcp' | 'udp' | 'sctp';
}

/** A container in `GET /containers/json`. `Created` in Unix seconds; `Status` is a sentence for people. */
export interface ContainerSummary {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  /** API 1.48 and above. */
  readonly ImageManifestDescriptor?: OCIDescriptor | null;
  readonly Command: string;
  readonly Created: number;
  readonly Ports: readonly PortSummary[];
  readonly SizeRw?: number | null;
  readonly SizeRootFs?: number | null;
  readonly Labels: StringMap;
  readonly State: ContainerStatus;
  readonly Status: string;
  readonly HostConfig: {
    readonly NetworkMode: string;
    /** API 1.46 and above. */
    readonly Annotations?: StringMap | null;
  };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, EndpointSettings>> };
  readonly Mounts: readonly MountPoint[];
  /** API 1.52 and above. */
  readonly Health?: { readonly Status: HealthStatus; readonly FailingStreak: number };
}

/** The body of `POST /containers/create`. Whatever is absent or null takes its default. */
export type ContainerCreateRequest = Partial<ContainerConfig> & {
  readonly HostConfig?: Partial<HostConfig> | null;
  readonly NetworkingConfig?: NetworkingConfig | null;
};

export interface ContainerCreateResponse {
  readonly Id: string;
  readonly Warnings: readonly string[];
}

export interface ContainerUpdateResponse {
  readonly Warnings: readonly string[] | null;
}

export interface ContainerWaitExitError {
  readonly Message: string;
}

/** What `POST /containers/{id}/wait` answers. */
export interface ContainerWaitResponse {
  readonly StatusCode: number;
  /** That waiting failed: then `StatusCode` says nothing. Null on API versions below 1.42. */
  readonly Error?: ContainerWaitExitError | null;
}

/** When `POST /containers/{id}/wait` answers. */
export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface ContainerTopResponse {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[];
}

/** 0 modified, 1 added, 2 deleted. */
export type ChangeType = 0 | 1 | 2;

export interface FilesystemChange {
  readonly Path: string;
  readonly Kind: ChangeType;
}

import type { StringMap } from './common.ts';

export interface EndpointIPAMConfig {
  readonly IPv4Address?: string;
  readonly IPv6Address?: string;
  readonly LinkLocalIPs?: readonly string[] | null;
}

/** A container's place in one network: what was asked for, and what came of it. */
export interface EndpointSettings {
  readonly IPAMConfig: EndpointIPAMConfig | null;
  readonly Links: readonly string[] | null;
  readonly Aliases: readonly string[] | null;
  readonly MacAddress: string;
  readonly DriverOpts: StringMap | null;
  /** API 1.48 and above. */
  readonly GwPriority?: number;
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  /** API 1.44 and above. */
  readonly DNSNames?: readonly string[] | null;
}

/** The endpoints that a container is created with: by name or ID of the network. */
export interface NetworkingConfig {
  readonly EndpointsConfig?: Readonly<Record<string, Partial<EndpointSettings> | null>> | null;
}

export interface IPAMConfig {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: StringMap;
}

export interface IPAM {
  readonly Driver: string;
  readonly Config: readonly IPAMConfig[] | null;
  readonly Options: StringMap | null;
}

/** A network, in a list and alone. */
export interface Network {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  readonly Scope: string;
  readonly Driver: string;
  /** API 1.48 and above. */
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: IPAM;
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigFrom: { readonly Network: string };
  readonly ConfigOnly: boolean;
  readonly Options: StringMap;
  readonly Labels: StringMap;
  /** Of a swarm's overlay only. */
  readonly Peers?: readonly unknown[];
}

export type NetworkSummary = Network;

export interface EndpointResource {
  readonly Name: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  readonly IPv4Address: string;
  readonly IPv6Address: string;
}

/** `GET /networks/{id}`: with who is in it, by container ID. */
export interface NetworkInspect extends Network {
  readonly Containers: Readonly<Record<string, EndpointResource>>;
}

import type { Call, Driver, Strings } from './common.ts';

/** What a network driver can do. */
export interface NetworkCapabilities {
  /** Who chooses addresses. */
  readonly ipam: 'engine' | 'driver';
  /** Who answers 127.0.0.11:53 inside: the sandbox's relay to the engine, the driver itself, or nobody. */
  readonly resolver: 'sandbox' | 'driver' | 'none';
  /** `publish()` and the ports of `attach()` are understood. */
  readonly publish: boolean;
  /** `stats()` is understood. */
  readonly stats: boolean;
  /** `plug()` is understood. */
  readonly spares: boolean;
}

/** Networks, and the endpoints by which sandboxes take part in them. */
export interface NetworkDriver extends Driver {
  /** Constant for the life of the driver. */
  readonly capabilities: NetworkCapabilities;

  /** The completed spec: with no subnets it picks a pool free of the host's routes, which the engine then reserves. Has no effect. @throws invalid: names the option. exhausted: no pool is free. */
  validate(s: NetworkSpec): Promise<NetworkSpec>;

  /** Takes a validated spec. @throws conflict. invalid */
  createNetwork(s: NetworkSpec, o?: Call): Promise<void>;

  /** Resolves when absent (G3). @throws conflict: it has endpoints. */
  deleteNetwork(id: string): Promise<void>;

  /** A link in a pooled sandbox, without address or endpoint: `attach()` there adopts it, closing the namespace ends it. @throws notFound. notImplemented: capability `spares` is false. */
  plug(networkId: string, netns: Netns, o?: Call): Promise<void>;

  /** Makes an endpoint, with its ports, all or nothing. @throws notFound: the network or the namespace. conflict: an address, a port or the endpoint's id is taken. */
  attach(r: Attachment, o?: Call): Promise<Endpoint>;

  /** Changes gateway or names of a live endpoint (its gateway network was disconnected). @throws notFound */
  update(e: EndpointId, netns: Netns, c: { gateway?: boolean; names?: string[] }): Promise<Endpoint>;

  /** Ends an endpoint (G3). @param netns Absent when the namespace is gone. */
  detach(e: EndpointId, netns?: Netns): Promise<void>;

  /** Replaces the endpoint's whole set of ports, all or nothing. `hostPort` 0 means choose; the choice is returned. @throws notFound. conflict: a port is taken. notImplemented */
  publish(e: EndpointId, ports: Port[]): Promise<Port[]>;

  /** Counters since the link exists. @throws notFound. notImplemented */
  stats(e: EndpointId, netns: Netns): Promise<LinkStats>;

  /** All endpoints, in no order. */
  list(o?: Call): AsyncIterable<Endpoint>;

  /** Makes what is there what is wanted. One failure stops nothing else; all are returned. Strays are removed only if they carry this `instance`. */
  reconcile(want: { networks: NetworkSpec[]; endpoints: Attachment[] }, o?: Call): Promise<{ id: string; code: string; message: string }[]>;
}

/** A network namespace, by a path that pins it; never a pid, since pids are used again. */
export type Netns = { path: string };

/** Names an endpoint. */
export type EndpointId = { networkId: string; endpointId: string };

/** What a network is to be. */
export interface NetworkSpec {
  readonly id: string;
  readonly name: string;
  /** Reaches nothing outside. */
  readonly internal: boolean;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** `subnet` and `range` in CIDR form; `reserved`: names to addresses that are never given out. */
  readonly subnets: { subnet: string; gateway?: string; range?: string; reserved: Strings }[];
  /** The driver's own; unknown ones are kind `invalid`. */
  readonly options: Strings;
}

/** A published port. */
export interface Port {
  readonly proto: 'tcp' | 'udp' | 'sctp';
  readonly containerPort: number;
  /** Absent: all addresses of both families. */
  readonly hostIp?: string;
  /** 0: choose. */
  readonly hostPort: number;
  /** With `hostPort` the range to choose from, inclusive. */
  readonly hostPortEnd?: number;
}

/** What an endpoint is to be. */
export interface Attachment extends EndpointId {
  readonly containerId: string;
  readonly netns: Netns;
  /** Absent: the driver names it. */
  readonly ifname?: string;
  /** Absent: the driver chooses it. */
  readonly mac?: string;
  /** In CIDR form (`172.17.0.2/16`). With ipam `engine`, the engine chose them; with `driver`, empty means choose, and the result stands in `Endpoint`. */
  readonly addresses: string[];
  /** In CIDR form. */
  readonly linkLocal: string[];
  /** This endpoint carries the default route. */
  readonly gateway: boolean;
  /** Names of the container in this network. */
  readonly names: string[];
  readonly ports: Port[];
  /** Of the namespace, with `IFNAME` for the link's name. */
  readonly sysctls: Strings;
  readonly options: Strings;
}

/** What an endpoint is. */
export interface Endpoint extends EndpointId {
  readonly ifname?: string;
  readonly mac?: string;
  /** In CIDR form. */
  readonly addresses: string[];
  /** Without prefix lengths. */
  readonly gateways: string[];
  /** With the host ports that were chosen. */
  readonly ports: Port[];
}

/** Counters of a link, seen from inside the container. */
export interface LinkStats {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

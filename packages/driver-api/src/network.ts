import type { Call, Driver, Strings } from './common.ts';

export interface NetworkDriver extends Driver {
  readonly capabilities: { ipam: 'engine' | 'driver'; resolver: 'sandbox' | 'driver' | 'none'; publish: boolean; stats: boolean; spares: boolean };
  /** Returns the completed spec: with no subnets it picks a pool free of the host's routes; the engine then reserves it. */
  validate(s: NetworkSpec): Promise<NetworkSpec>;
  createNetwork(s: NetworkSpec, o?: Call): Promise<void>;
  deleteNetwork(id: string): Promise<void>;
  /** spares: a link in a pooled sandbox, without address or endpoint; attach() there adopts it, closing the namespace ends it. */
  plug(networkId: string, netns: Netns, o?: Call): Promise<void>;
  attach(r: Attachment, o?: Call): Promise<Endpoint>;
  /** Changes gateway or names of a live endpoint (its gateway network was disconnected). */
  update(e: EndpointId, netns: Netns, c: { gateway?: boolean; names?: string[] }): Promise<Endpoint>;
  detach(e: EndpointId, netns?: Netns): Promise<void>;
  /** Replaces the endpoint's whole set, all or nothing; attach() with ports does the same; hostPort 0 means choose, the choice is returned. */
  publish(e: EndpointId, ports: Port[]): Promise<Port[]>;
  stats(e: EndpointId, netns: Netns): Promise<LinkStats>;
  list(o?: Call): AsyncIterable<Endpoint>;
  /** One failure stops nothing else. Strays: only of this `instance`. */
  reconcile(want: { networks: NetworkSpec[]; endpoints: Attachment[] }, o?: Call): Promise<{ id: string; code: string; message: string }[]>;
}
/** Never a pid: pids are reused */
export type Netns = { path: string };
export type EndpointId = { networkId: string; endpointId: string };
export interface NetworkSpec {
  readonly id: string;
  readonly name: string;
  readonly internal: boolean;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly subnets: { subnet: string; gateway?: string; range?: string; reserved: Strings }[];
  readonly options: Strings;
}
export interface Port {
  readonly proto: 'tcp' | 'udp' | 'sctp';
  readonly containerPort: number;
  readonly hostIp?: string;
  readonly hostPort: number;
  readonly hostPortEnd?: number;
}
/** addresses in CIDR form (172.17.0.2/16). ipam 'engine': the engine chose them; 'driver': empty means choose, the result stands in Endpoint. */
export interface Attachment extends EndpointId {
  readonly containerId: string;
  readonly netns: Netns;
  readonly ifname?: string;
  readonly mac?: string;
  readonly addresses: string[];
  readonly linkLocal: string[];
  readonly gateway: boolean;
  readonly names: string[];
  readonly ports: Port[];
  readonly sysctls: Strings;
  readonly options: Strings;
}
export interface Endpoint extends EndpointId {
  readonly ifname?: string;
  readonly mac?: string;
  readonly addresses: string[];
  readonly gateways: string[];
  readonly ports: Port[];
}
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

import type {
  ApiVersion, ContainerConfig, ContainerCreateRequest, EndpointIPAMConfig, EndpointSettings, HealthConfig, HostConfig, NetworkingConfig,
} from '@gantry/api-types';
import {
  badField, boolean, integer, mapOf, nullable, object, set, string, stringMap, stringOrStrings, strings, type Decoder,
} from '../http/decode.ts';
import type { Json } from '../http/json.ts';
import { before } from '../version.ts';
import { hostConfig } from './decode-host.ts';

const healthConfig: Decoder<HealthConfig> = object<HealthConfig>({
  Test: strings,
  Interval: integer,
  Timeout: integer,
  Retries: integer,
  StartPeriod: integer,
  StartInterval: integer,
});

const endpointSettings: Decoder<Partial<EndpointSettings>> = object<EndpointSettings>({
  IPAMConfig: object<EndpointIPAMConfig>({ IPv4Address: string, IPv6Address: string, LinkLocalIPs: strings }),
  Links: strings,
  Aliases: strings,
  MacAddress: string,
  DriverOpts: stringMap,
  GwPriority: integer,
  NetworkID: string,
  EndpointID: string,
  Gateway: string,
  IPAddress: string,
  IPPrefixLen: integer,
  IPv6Gateway: string,
  GlobalIPv6Address: string,
  GlobalIPv6PrefixLen: integer,
  DNSNames: strings,
});

const networkingConfig: Decoder<NetworkingConfig> = object<NetworkingConfig>({ EndpointsConfig: mapOf(nullable(endpointSettings)) });

type Body = ContainerConfig & { readonly HostConfig?: Partial<HostConfig>; readonly NetworkingConfig?: NetworkingConfig };

const body: Decoder<ContainerCreateRequest> = object<Body>({
  Hostname: string,
  Domainname: string,
  User: string,
  AttachStdin: boolean,
  AttachStdout: boolean,
  AttachStderr: boolean,
  ExposedPorts: set,
  Tty: boolean,
  OpenStdin: boolean,
  StdinOnce: boolean,
  Env: strings,
  Cmd: stringOrStrings,
  Healthcheck: healthConfig,
  ArgsEscaped: boolean,
  Image: string,
  Volumes: set,
  WorkingDir: string,
  Entrypoint: stringOrStrings,
  NetworkDisabled: boolean,
  OnBuild: strings,
  Labels: stringMap,
  StopSignal: string,
  StopTimeout: integer,
  Shell: strings,
  MacAddress: string,
  HostConfig: hostConfig,
  NetworkingConfig: networkingConfig,
});

/** What Docker's clients mean by the odd values that they send, and what versions meant by silence. */
function normalise(host: Partial<HostConfig>, version: ApiVersion): Partial<HostConfig> {
  const { MemorySwappiness, PidsLimit, ...rest } = host;
  return {
    ...rest,
    ...(MemorySwappiness === undefined || MemorySwappiness === -1 ? {} : { MemorySwappiness }),
    ...(PidsLimit === undefined || PidsLimit === null || PidsLimit <= 0 ? {} : { PidsLimit }),
    ...(before(version, '1.40') && (host.IpcMode ?? '') === '' ? { IpcMode: 'shareable' } : {}),
    ...(before(version, '1.41') && (host.CgroupnsMode ?? '') === '' ? { CgroupnsMode: 'host' as const } : {}),
  };
}

/**
 * The body of a create.
 * @throws GantryError invalid `bad-field`, naming the field.
 */
export function decodeCreate(value: Json | undefined, version: ApiVersion): ContainerCreateRequest & { readonly Image: string } {
  if (value === undefined) throw badField('', 'it is empty');
  const { HostConfig, MacAddress, ...rest } = body(value, '');
  if (rest.Image === undefined || rest.Image === '') throw badField('Image', 'it is required');
  return {
    ...rest,
    Image: rest.Image,
    HostConfig: normalise(HostConfig ?? {}, version),
    // Since 1.52 it stands in the endpoint's settings, and is ignored here.
    ...(MacAddress === undefined || !before(version, '1.52') ? {} : { MacAddress }),
  };
}

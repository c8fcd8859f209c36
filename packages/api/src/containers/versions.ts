import type {
  ApiVersion, ContainerConfig, ContainerInspectResponse, ContainerSummary, EndpointSettings, LegacyNetworkSettings, NetworkSettings,
} from '@gantry/api-types';
import { before } from '../version.ts';

type Endpoints = Readonly<Record<string, EndpointSettings>>;

function shapeEndpoint(endpoint: EndpointSettings, version: ApiVersion, shortId: string): EndpointSettings {
  const { DNSNames, GwPriority, ...rest } = endpoint;
  const aliases = endpoint.Aliases;
  return {
    ...rest,
    // Until 1.45 the short ID was one of the aliases, on networks that have names.
    ...(before(version, '1.45') && aliases !== null ? { Aliases: [...aliases, shortId] } : {}),
    ...(before(version, '1.44') || DNSNames === undefined ? {} : { DNSNames }),
    ...(before(version, '1.48') || GwPriority === undefined ? {} : { GwPriority }),
  };
}

function shapeEndpoints(endpoints: Endpoints, version: ApiVersion, id: string): Endpoints {
  return Object.fromEntries(Object.entries(endpoints).map(([name, endpoint]) => [name, shapeEndpoint(endpoint, version, id.slice(0, 12))]));
}

/** One row of the list. */
export function shapeSummary(container: ContainerSummary, version: ApiVersion): ContainerSummary {
  const { ImageManifestDescriptor, Health, HostConfig, ...rest } = container;
  const { Annotations } = HostConfig;
  return {
    ...rest,
    HostConfig: { NetworkMode: HostConfig.NetworkMode, ...(before(version, '1.46') || Annotations === undefined ? {} : { Annotations }) },
    NetworkSettings: { Networks: shapeEndpoints(container.NetworkSettings.Networks, version, container.Id) },
    ...(before(version, '1.48') || ImageManifestDescriptor === undefined ? {} : { ImageManifestDescriptor }),
    ...(before(version, '1.52') || Health === undefined ? {} : { Health }),
  };
}

function legacySettings(settings: NetworkSettings): LegacyNetworkSettings {
  const bridge = settings.Networks['bridge'];
  return {
    ...settings,
    Bridge: '',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.EndpointID ?? '',
    Gateway: bridge?.Gateway ?? '',
    GlobalIPv6Address: bridge?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: bridge?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: bridge?.IPAddress ?? '',
    IPPrefixLen: bridge?.IPPrefixLen ?? 0,
    IPv6Gateway: bridge?.IPv6Gateway ?? '',
    MacAddress: bridge?.MacAddress ?? '',
  };
}

function shapeConfig(config: ContainerConfig, version: ApiVersion): ContainerConfig {
  const { MacAddress, OnBuild, ...rest } = config;
  if (before(version, '1.52')) return { ...rest, OnBuild: OnBuild ?? null, ...(MacAddress === undefined ? {} : { MacAddress }) };
  return { ...rest, ...(OnBuild === undefined || OnBuild === null || OnBuild.length === 0 ? {} : { OnBuild }) };
}

/** One container in full. */
export function shapeInspect(container: ContainerInspectResponse, version: ApiVersion): ContainerInspectResponse {
  const { ImageManifestDescriptor, Storage, GraphDriver, ...rest } = container;
  const settings = { ...container.NetworkSettings, Networks: shapeEndpoints(container.NetworkSettings.Networks, version, container.Id) };
  const old = before(version, '1.52');
  return {
    ...rest,
    Config: shapeConfig(container.Config, version),
    NetworkSettings: old ? legacySettings(settings) : settings,
    // A storage driver that has no more to say than its name moved from one field to another.
    ...(old ? { GraphDriver: GraphDriver ?? { Name: container.Driver, Data: {} } } : GraphDriver === undefined ? {} : { GraphDriver }),
    ...(old || Storage === undefined ? {} : { Storage }),
    ...(before(version, '1.48') || ImageManifestDescriptor === undefined ? {} : { ImageManifestDescriptor }),
  };
}

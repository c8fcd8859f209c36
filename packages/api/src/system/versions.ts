import type { ApiVersion, Commit, Runtime, SystemInfo } from '@gantry/api-types';
import { before } from '../version.ts';

const withExpected = (commit: Commit): Commit => ({ ...commit, Expected: commit.ID });

const withoutStatus = (runtimes: SystemInfo['Runtimes']): SystemInfo['Runtimes'] =>
  Object.fromEntries(
    Object.entries(runtimes).map(([name, { path, runtimeArgs }]): [string, Runtime] => [
      name,
      { ...(path === undefined ? {} : { path }), ...(runtimeArgs === undefined ? {} : { runtimeArgs }) },
    ]),
  );

/** The fields that an older version did not have go, and those that it still had come. */
export function shapeInfo(info: SystemInfo, version: ApiVersion): SystemInfo {
  const { Containerd, FirewallBackend, DiscoveredDevices, NRI, CDISpecDirs, ...rest } = info;
  return {
    ...rest,
    ...(before(version, '1.44') ? { Runtimes: withoutStatus(info.Runtimes) } : CDISpecDirs === undefined ? {} : { CDISpecDirs }),
    ...(before(version, '1.46') || Containerd === undefined ? {} : { Containerd }),
    ...(before(version, '1.49')
      ? {
          ContainerdCommit: withExpected(info.ContainerdCommit),
          RuncCommit: withExpected(info.RuncCommit),
          InitCommit: withExpected(info.InitCommit),
          RegistryConfig: {
            ...info.RegistryConfig,
            AllowNondistributableArtifactsCIDRs: null,
            AllowNondistributableArtifactsHostnames: null,
          },
        }
      : FirewallBackend === undefined ? {} : { FirewallBackend }),
    ...(before(version, '1.50')
      ? { BridgeNfIptables: false, BridgeNfIp6tables: false }
      : DiscoveredDevices === undefined ? {} : { DiscoveredDevices }),
    ...(before(version, '1.53') || NRI === undefined ? {} : { NRI }),
  };
}

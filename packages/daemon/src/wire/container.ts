import type {
  ContainerConfig as WireConfig, ContainerInspectResponse, ContainerState as WireState, ContainerSummary as WireSummary, EndpointSettings, OCIDescriptor, SetOf,
} from '@gantry/api-types';
import type { ContainerConfig, ContainerDetails, ContainerState, ContainerSummary } from '@gantry/engine';
import type { Descriptor } from '@gantry/oci';
import { toHostConfig } from './host-config.ts';
import { networkId } from './networks.ts';
import { statusSentence } from './status.ts';
import { never, unixSeconds } from './time.ts';

const setOf = (names: readonly string[]): SetOf => Object.fromEntries(names.map((name) => [name, {}]));

export function toDescriptor({ mediaType, digest, size, platform }: Descriptor): OCIDescriptor {
  return { mediaType, digest, size, ...(platform === undefined ? {} : { platform }) };
}

/** The host's network and none have an endpoint without addresses; a container's own loopback is in no network. */
function endpoints(engineId: string, { network, networkDisabled }: ContainerConfig): Readonly<Record<string, EndpointSettings>> {
  const name = networkDisabled ? 'none' : network.mode;
  if (name !== 'none' && name !== 'host') return {};
  return {
    [name]: {
      IPAMConfig: null, Links: null, Aliases: null, MacAddress: '', DriverOpts: null, GwPriority: 0, NetworkID: networkId(engineId, name), EndpointID: '',
      Gateway: '', IPAddress: '', IPPrefixLen: 0, IPv6Gateway: '', GlobalIPv6Address: '', GlobalIPv6PrefixLen: 0, DNSNames: null,
    },
  };
}

/** `program 'two words' x`, as Docker shows a command. */
function commandText({ path, args }: ContainerSummary): string {
  return [path, ...args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ');
}

/** One row of the list. `now` in ms of Unix time. */
export function toSummary(container: ContainerSummary, engineId: string, now: number): WireSummary {
  const { id, name, image, config, state, sizeRw, sizeRootFs } = container;
  return {
    Id: id,
    Names: [`/${name}`],
    Image: image.reference,
    ImageID: image.id,
    ImageManifestDescriptor: toDescriptor(image.manifest),
    Command: commandText(container),
    Created: unixSeconds(container.createdAt),
    Ports: config.exposedPorts.map((port) => toPort(port)),
    ...(sizeRw === undefined ? {} : { SizeRw: sizeRw }),
    ...(sizeRootFs === undefined ? {} : { SizeRootFs: sizeRootFs }),
    Labels: config.labels,
    State: state.status,
    Status: statusSentence(state, now),
    HostConfig: { NetworkMode: config.network.mode, ...(Object.keys(config.annotations).length === 0 ? {} : { Annotations: config.annotations }) },
    NetworkSettings: { Networks: endpoints(engineId, config) },
    Mounts: [],
    Health: { Status: 'none', FailingStreak: 0 },
  };
}

/** `80/udp` as a row of ports that are exposed and not published. */
function toPort(port: string): WireSummary['Ports'][number] {
  const [number = '', protocol] = port.split('/');
  return { PrivatePort: Number.parseInt(number, 10), Type: protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp' };
}

function toState(state: ContainerState): WireState {
  const { status } = state;
  return {
    Status: status,
    Running: status === 'running' || status === 'paused' || status === 'restarting',
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: state.oomKilled,
    Dead: status === 'dead',
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt ?? never,
    FinishedAt: state.finishedAt ?? never,
  };
}

function toConfig({ id, image, config }: ContainerDetails): WireConfig {
  const { healthcheck, stopTimeout } = config;
  return {
    Hostname: config.hostname === '' ? id.slice(0, 12) : config.hostname,
    Domainname: config.domainname,
    User: config.user,
    AttachStdin: config.attach.stdin,
    AttachStdout: config.attach.stdout,
    AttachStderr: config.attach.stderr,
    ...(config.exposedPorts.length === 0 ? {} : { ExposedPorts: setOf(config.exposedPorts) }),
    Tty: config.terminal,
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    Env: config.env,
    Cmd: config.cmd,
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck }),
    Image: image.reference,
    Volumes: config.volumes.length === 0 ? null : setOf(config.volumes),
    WorkingDir: config.workingDir,
    Entrypoint: config.entrypoint,
    ...(config.networkDisabled ? { NetworkDisabled: true } : {}),
    OnBuild: config.onBuild.length === 0 ? null : config.onBuild,
    Labels: config.labels,
    ...(config.stopSignal === '' ? {} : { StopSignal: config.stopSignal }),
    ...(stopTimeout === undefined ? {} : { StopTimeout: stopTimeout }),
    ...(config.shell.length === 0 ? {} : { Shell: config.shell }),
  };
}

/** One container in full. */
export function toInspect(container: ContainerDetails, engineId: string): ContainerInspectResponse {
  const { id, name, image, config, sizeRw, sizeRootFs, execIds, storageDriver } = container;
  return {
    Id: id,
    Created: container.createdAt,
    Path: container.path,
    Args: container.args,
    State: toState(container.state),
    Image: image.id,
    ResolvConfPath: container.resolvConfPath,
    HostnamePath: container.hostnamePath,
    HostsPath: container.hostsPath,
    LogPath: container.logPath ?? '',
    Name: `/${name}`,
    RestartCount: container.restartCount,
    Driver: storageDriver,
    Platform: container.platform.os,
    ImageManifestDescriptor: toDescriptor(image.manifest),
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.length === 0 ? null : execIds,
    HostConfig: toHostConfig(config),
    Storage: { RootFS: { Snapshot: { Name: storageDriver } } },
    ...(sizeRw === undefined ? {} : { SizeRw: sizeRw }),
    ...(sizeRootFs === undefined ? {} : { SizeRootFs: sizeRootFs }),
    Mounts: [],
    Config: toConfig(container),
    NetworkSettings: { SandboxID: '', SandboxKey: '', Ports: {}, Networks: endpoints(engineId, config) },
  };
}

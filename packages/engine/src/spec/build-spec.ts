import { dockerMaskedPaths, dockerReadonlyPaths, type OciNamespaceType, type OciSpec, type ResolvedUser } from '@gantry/oci';
import type { Ns } from '@gantry/driver-api';
import { capabilitiesOf } from '../config/capabilities.ts';
import { parseSecurityOptions } from '../config/security-options.ts';
import { resolveSeccomp } from '../config/seccomp-profile.ts';
import type { ContainerConfig } from '../types/index.ts';
import type { ResolvedDevice } from './devices.ts';
import { containerMounts, type ContainerFiles } from './mounts.ts';
import { containerProcess } from './process.ts';
import { ociResources, type BlockDevices } from './resources.ts';

/** What of the machine goes into a spec. */
export interface SpecMachine {
  readonly cpus: number;
  /** As in OCI images. */
  readonly arch: string;
  /** `uname -r`. */
  readonly kernel: string;
}

export interface SpecInput {
  readonly config: ContainerConfig;
  readonly hostname: string;
  readonly user: ResolvedUser;
  readonly files: ContainerFiles;
  readonly devices: readonly ResolvedDevice[];
  readonly blockDevices: BlockDevices;
  readonly machine: SpecMachine;
}

/** Which seccomp filter a runtime puts on the container, where the spec does not bring one: its own default, or none. */
export type SeccompChoice = 'default' | 'unconfined';

/** The container as the OCI runtime specification describes it. Pure: the same input gives the same spec. */
export function buildSpec(input: SpecInput): { readonly spec: OciSpec; readonly seccomp: SeccompChoice } {
  const { config, machine } = input;
  const { security, namespaces } = config;
  const { seccomp } = parseSecurityOptions(security.options, security.privileged);
  const ownUts = namespaces.uts !== 'host';
  const spec: OciSpec = {
    ociVersion: '1.2.0',
    process: containerProcess(input),
    root: { path: 'rootfs', readonly: config.filesystem.readonlyRoot },
    ...(ownUts ? { hostname: input.hostname, ...(config.domainname === '' ? {} : { domainname: config.domainname }) } : {}),
    mounts: containerMounts(config, input.files),
    annotations: config.annotations,
    linux: {
      namespaces: specNamespaces(config).map((type) => ({ type })),
      devices: input.devices.map(({ node }) => node),
      resources: ociResources(config.resources, security, input.devices, input.blockDevices),
      rootfsPropagation: 'private',
      sysctl: security.sysctls,
      maskedPaths: security.maskedPaths ?? (security.privileged ? [] : dockerMaskedPaths(machine.cpus)),
      readonlyPaths: security.readonlyPaths ?? (security.privileged ? [] : dockerReadonlyPaths),
      ...(seccomp.kind === 'custom' ? { seccomp: resolveSeccomp(seccomp.profile, { capabilities: capabilitiesOf(security), arch: machine.arch, kernel: machine.kernel }) } : {}),
    },
  };
  return { spec, seccomp: seccomp.kind === 'unconfined' ? 'unconfined' : 'default' };
}

const specNames: Readonly<Record<Ns, OciNamespaceType>> = { net: 'network', ipc: 'ipc', uts: 'uts', pid: 'pid', user: 'user', cgroup: 'cgroup' };

function specNamespaces(config: ContainerConfig): OciNamespaceType[] {
  return ['mount', ...sandboxNamespaces(config).map((ns) => specNames[ns])];
}

/** Those that the container has for itself; the others are the host's. */
export function sandboxNamespaces({ namespaces, network }: ContainerConfig): Ns[] {
  const own: readonly (readonly [Ns, boolean])[] = [
    ['pid', namespaces.pid !== 'host'],
    ['net', network.mode !== 'host'],
    ['ipc', namespaces.ipc !== 'host'],
    ['uts', namespaces.uts !== 'host'],
    ['cgroup', namespaces.cgroup !== 'host'],
  ];
  return own.filter(([, is]) => is).map(([ns]) => ns);
}

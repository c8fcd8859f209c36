import { GantryError } from '@gantry/errors';
import type { Plan } from '@gantry/linux';
import type { OciLinux, OciNamespaceType, OciProcess, OciSpec } from '@gantry/oci';
import { devLinks, planDevices } from './devices.ts';
import { absolutePath, badField, cString } from './field.ts';
import { planMounts, rootPropagation, type MountContext } from './mounts.ts';
import { planProcess, type ProcessContext } from './process.ts';
import { sysctls } from './sysctls.ts';

/** What a plan depends on besides the spec. */
export interface PlanContext extends Omit<MountContext, 'ownCgroupNamespace'>, ProcessContext {
  readonly root: Plan['root'];
  /** The namespaces that are the container's (or its sandbox's, or another container's), not the host's. */
  readonly own: ReadonlySet<OciNamespaceType>;
  /** What the sandbox asked for; the spec's own values win. */
  readonly sandbox: { readonly hostname?: string; readonly sysctls: Readonly<Record<string, string>> };
}

/**
 * The plan of a container from its spec: all that happens between the fork and the exec of its program, in the words of
 * the native side. Has no effects; the same input gives the same plan.
 *
 * @throws `GantryError` invalid `spec-field-invalid`: a field that no container can have, named in the message and in
 *   `details.field`; notImplemented: a field that this runtime does not keep (never silently ignored)
 */
export function planContainer(spec: OciSpec, context: PlanContext): Plan {
  const process = requireProcess(spec);
  const linux: OciLinux = spec.linux ?? {};
  refuseUnsupported(linux);
  const hostname = spec.hostname ?? context.sandbox.hostname;
  const { domainname } = spec;
  for (const [name, value] of [['hostname', hostname], ['domainname', domainname]] as const) {
    if (value === undefined) continue;
    if (!context.own.has('uts')) throw badField(name, 'needs a uts namespace of the container\'s own, and this one has the host\'s', value);
    if (Buffer.byteLength(cString(value, name)) > 64) throw badField(name, 'is longer than 64 bytes', value);
  }
  return {
    root: context.root,
    rootPropagation: rootPropagation(linux.rootfsPropagation),
    readonlyRoot: spec.root?.readonly ?? false,
    mounts: planMounts(spec.mounts ?? [], { sources: context.sources, cgroup: context.cgroup, ownCgroupNamespace: context.own.has('cgroup') }),
    devices: planDevices(linux.devices),
    links: devLinks,
    console: process.terminal ?? false,
    masked: paths(linux.maskedPaths, 'linux.maskedPaths'),
    readonly: paths(linux.readonlyPaths, 'linux.readonlyPaths'),
    sysctls: sysctls({ ...context.sandbox.sysctls, ...linux.sysctl }, context.own),
    ...(hostname === undefined ? {} : { hostname }),
    ...(domainname === undefined ? {} : { domainname }),
    process: planProcess(process, { ...context, createCwd: true }),
  };
}

/** @throws `GantryError` invalid: a spec without a process, or of another major version */
export function requireProcess(spec: OciSpec): OciProcess {
  if (!/^1\.\d+\.\d+/.test(spec.ociVersion)) throw badField('ociVersion', 'must be a version 1 of the runtime specification', spec.ociVersion);
  if (spec.process === undefined) throw badField('process', 'is missing');
  return spec.process;
}

function refuseUnsupported(linux: OciLinux): void {
  const refuse = (field: string, what: string): GantryError =>
    new GantryError('notImplemented', 'spec-field-unsupported', `${field}: this runtime has no ${what}: leave it out`, { details: { field } });
  if ((linux.uidMappings?.length ?? 0) > 0) throw refuse('linux.uidMappings', 'user namespaces');
  if ((linux.gidMappings?.length ?? 0) > 0) throw refuse('linux.gidMappings', 'user namespaces');
  if (linux.mountLabel !== undefined && linux.mountLabel !== '') throw refuse('linux.mountLabel', 'SELinux labels on mounts');
  if (linux.cgroupsPath !== undefined && linux.cgroupsPath !== '') throw refuse('linux.cgroupsPath', 'control group of the container\'s own choice (it is the sandbox\'s: cgroupParent)');
}

function paths(list: readonly string[] | undefined, field: string): readonly string[] {
  if ((list?.length ?? 0) > 4096) throw badField(field, 'must be at most 4096 paths');
  return (list ?? []).map((path, index) => absolutePath(path, `${field}[${index}]`));
}

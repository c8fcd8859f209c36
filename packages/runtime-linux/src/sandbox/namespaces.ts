import type { Ns, SandboxRequest } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { JoinName, PinName } from '@gantry/linux';
import type { OciNamespaceType, OciSpec } from '@gantry/oci';
import { absolutePath, badField } from '../plan/field.ts';

/** A namespace that a sandbox can have here; user namespaces are not among them. */
export type SlotNs = Exclude<Ns, 'user'>;

/** What a container's slot has to be, beside its mount namespace. */
export interface NamespaceChoice {
  /** The sandbox's own slot is just that. */
  readonly sandboxSlot: boolean;
  /** For a slot of the container's own: made new. */
  readonly fresh: readonly SlotNs[];
  /** For a slot of the container's own: entered. */
  readonly join: Readonly<Partial<Record<JoinName, string>>>;
  /** What is not the host's, in the words of the specification. */
  readonly own: ReadonlySet<OciNamespaceType>;
}

const all: readonly SlotNs[] = ['net', 'ipc', 'uts', 'pid', 'cgroup'];
const pinnable: ReadonlySet<Ns> = new Set<PinName>(['net', 'ipc', 'uts']);

function ociName(name: SlotNs): OciNamespaceType {
  return name === 'net' ? 'network' : name;
}

/** The namespaces of a sandbox, without double ones. @throws `GantryError` notImplemented `user-namespace-unsupported` */
export function sandboxNamespaces(request: SandboxRequest): readonly SlotNs[] {
  if (request.idmap !== undefined || request.namespaces.includes('user')) {
    throw new GantryError('notImplemented', 'user-namespace-unsupported', 'This runtime has no user namespaces: run without a remapping of users');
  }
  return all.filter((name) => request.namespaces.includes(name));
}

/** In the words of the specification. */
export function ownNamespaces(names: readonly SlotNs[]): ReadonlySet<OciNamespaceType> {
  return new Set<OciNamespaceType>(['mount', ...names.map(ociName)]);
}

/**
 * Which namespaces a container gets: those of its sandbox, but for those that the spec names by path. A spec that names
 * none at all takes the sandbox's; one that names some has to agree with the sandbox on the rest, so that nobody gets a
 * namespace of the host by leaving a line out.
 *
 * @param pinOf where the sandbox's namespaces are pinned
 * @throws `GantryError` invalid: spec and sandbox differ; notImplemented: user and new time namespaces
 */
export function chooseNamespaces(request: SandboxRequest, spec: OciSpec, pinOf: (name: PinName) => string): NamespaceChoice {
  const sandbox = sandboxNamespaces(request);
  const list = spec.linux?.namespaces;
  const fresh: SlotNs[] = [];
  const join: Partial<Record<JoinName, string>> = {};
  const own = new Set<OciNamespaceType>(['mount']);
  let sandboxSlot = true;
  for (const name of all) {
    const type = ociName(name);
    const index = list?.findIndex((entry) => entry.type === type) ?? -1;
    const entry = list?.[index];
    const field = `linux.namespaces[${index}]`;
    const has = sandbox.includes(name);
    if (entry?.path !== undefined && entry.path !== '') {
      const path = absolutePath(entry.path, `${field}.path`);
      join[name] = path;
      own.add(type);
      if (!has || !isPinnable(name) || path !== pinOf(name)) sandboxSlot = false;
      continue;
    }
    const wanted = list === undefined ? has : entry !== undefined;
    if (wanted && !has) throw badField(field, `asks for a new ${type} namespace, which the sandbox does not have: open it with one`);
    if (!wanted && has) throw badField('linux.namespaces', `lacks ${type}, which the sandbox has: name it, or open the sandbox without`);
    if (!wanted) continue;
    own.add(type);
    if (isPinnable(name)) join[name] = pinOf(name);
    else fresh.push(name);
  }
  for (const [index, { type, path }] of (list ?? []).entries()) {
    if (type === 'time' && path !== undefined && path !== '') {
      join.time = absolutePath(path, `linux.namespaces[${index}].path`);
      own.add('time');
      sandboxSlot = false;
    } else if (type === 'time' || type === 'user') {
      throw new GantryError('notImplemented', 'spec-field-unsupported', `linux.namespaces[${index}]: this runtime makes no ${type} namespaces: leave it out`, { details: { field: `linux.namespaces[${index}]` } });
    }
  }
  return { sandboxSlot, fresh, join, own };
}

function isPinnable(name: SlotNs): name is SlotNs & PinName {
  return pinnable.has(name);
}

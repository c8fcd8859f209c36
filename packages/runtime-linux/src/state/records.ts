import type { Ns, SandboxRequest } from '@gantry/driver-api';
import { isObject } from './journal-line.ts';

/**
 * A prepared process with its namespaces and control group: what a keeper is started for. `slot.json` in the keeper's
 * folder, written before anything is made, so that whoever finds the folder can clear up.
 */
export interface SlotRecord {
  readonly key: string;
  /** Path of the control group within each hierarchy. */
  readonly cgroup: string;
}

/** A sandbox that was opened: it claims the slot that it names. */
export interface SandboxRecord {
  readonly id: string;
  readonly bootId: string;
  readonly slot: string;
  readonly request: SandboxRequest;
  /** Making a container in its slot failed, which may have left limits there: no other one gets it. */
  readonly spoilt?: true;
}

/** A container that is there, or is being made. */
export interface ContainerRecord {
  readonly id: string;
  readonly token: string;
  readonly bootId: string;
  readonly sandbox: string;
  /** The slot that it runs in: the sandbox's, or one of its own that it claims. */
  readonly slot: string;
  readonly cgroup: string;
  /** The build of its keeper. */
  readonly keeper: string;
  /** The filter of its first process, for execs: a name in the store of programs. */
  readonly seccomp?: { readonly name: string; readonly flags: number };
}

export function parseSlot(value: unknown): SlotRecord | undefined {
  if (!isObject(value)) return undefined;
  const { key, cgroup } = value;
  return isId(key) && typeof cgroup === 'string' && cgroup.startsWith('/') ? { key, cgroup } : undefined;
}

export function parseSandbox(value: unknown): SandboxRecord | undefined {
  if (!isObject(value)) return undefined;
  const { id, bootId, slot, spoilt } = value;
  const request = parseRequest(value['request']);
  if (!isId(id) || typeof bootId !== 'string' || !isId(slot) || request === undefined) return undefined;
  return { id, bootId, slot, request, ...(spoilt === true ? { spoilt } : {}) };
}

export function parseContainer(value: unknown): ContainerRecord | undefined {
  if (!isObject(value)) return undefined;
  const { id, token, bootId, sandbox, slot, cgroup, keeper, seccomp } = value;
  if (!isId(id) || typeof token !== 'string' || typeof bootId !== 'string' || !isId(sandbox) || !isId(slot) || typeof cgroup !== 'string' || typeof keeper !== 'string') return undefined;
  const program = isObject(seccomp) && isId(seccomp['name']) && typeof seccomp['flags'] === 'number' ? { name: seccomp['name'], flags: seccomp['flags'] } : undefined;
  return { id, token, bootId, sandbox, slot, cgroup, keeper, ...(program === undefined ? {} : { seccomp: program }) };
}

const namespaces: ReadonlySet<unknown> = new Set<Ns>(['net', 'ipc', 'uts', 'pid', 'user', 'cgroup']);

function parseRequest(value: unknown): SandboxRequest | undefined {
  if (!isObject(value)) return undefined;
  const { id, hostname, cgroupParent, sysctls } = value;
  const list: unknown = value['namespaces'];
  if (!isId(id) || !Array.isArray(list) || !list.every((name): name is Ns => namespaces.has(name)) || !isStrings(sysctls)) return undefined;
  return {
    id,
    namespaces: list,
    sysctls,
    ...(typeof hostname === 'string' ? { hostname } : {}),
    ...(typeof cgroupParent === 'string' ? { cgroupParent } : {}),
  };
}

function isStrings(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(value);
}

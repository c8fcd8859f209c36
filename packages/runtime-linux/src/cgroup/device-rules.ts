import type { OciDevice, OciDeviceRule } from '@gantry/oci';
import { badField, integer, oneOf } from '../plan/field.ts';

/** Access bits, as the kernel's device controller numbers them (include/uapi/linux/bpf.h, BPF_DEVCG_ACC_*). */
export const ACCESS = { mknod: 1, read: 2, write: 4 } as const;

/** What deviates from the default for one device, or with `null` for every number. */
export interface DeviceException {
  readonly type: 'b' | 'c';
  readonly major: number | null;
  readonly minor: number | null;
  readonly access: number;
}

/** A list of rules brought into the form that the kernel's device controller works with. */
export interface DevicePolicy {
  readonly default: 'allow' | 'deny';
  /** Of a `deny` policy what may be done, of an `allow` policy what may not. */
  readonly exceptions: readonly DeviceException[];
}

/** Nodes that every container has (OCI runtime specification, "Default Devices"), and the terminals. */
const always: readonly DeviceException[] = [
  ...[3, 5, 7, 8, 9].map((minor) => char(1, minor)), // null zero full random urandom
  char(5, 0), // tty
  char(5, 1), // console
  char(5, 2), // ptmx
  char(136, null), // pts
];

/**
 * The policy of a container. Rules apply in order; before the first one everything is denied, so that no rules at all
 * means the default devices alone. The nodes in `nodes` may always be made, since the runtime makes them.
 *
 * @throws `GantryError` invalid: bad access letters or numbers; a rule that takes a part out of a wider earlier one, for
 *   which the kernel's controller has no form
 */
export function devicePolicy(rules: readonly OciDeviceRule[], nodes: readonly OciDevice[], field = 'linux.resources.devices'): DevicePolicy {
  let policy: DevicePolicy = { default: 'deny', exceptions: [] };
  rules.forEach((rule, index) => {
    policy = applyRule(policy, rule, `${field}[${index}]`);
  });
  if (policy.default === 'allow') return policy;
  const made = nodes.flatMap((node): DeviceException[] =>
    node.type === 'p' ? [] : [{ type: node.type === 'b' ? 'b' : 'c', major: node.major ?? 0, minor: node.minor ?? 0, access: ACCESS.mknod }],
  );
  return { default: 'deny', exceptions: [...always, ...made].reduce(add, policy.exceptions) };
}

function applyRule(policy: DevicePolicy, rule: OciDeviceRule, field: string): DevicePolicy {
  const access = accessBits(rule.access, `${field}.access`);
  const [major, minor] = [deviceNumber(rule.major, `${field}.major`, 2 ** 12 - 1), deviceNumber(rule.minor, `${field}.minor`, 2 ** 20 - 1)];
  const type = oneOf(rule.type ?? 'a', ['a', 'b', 'c'], `${field}.type`);
  if (type === 'a' && major === null && minor === null) return { default: rule.allow ? 'allow' : 'deny', exceptions: [] };
  const grows = rule.allow === (policy.default === 'deny'); // the list of exceptions
  const types: readonly DeviceException['type'][] = type === 'a' ? ['b', 'c'] : [type];
  const change = (list: readonly DeviceException[], one: DeviceException['type']): readonly DeviceException[] => {
    const exception = { type: one, major, minor, access };
    return grows ? add(list, exception) : remove(list, exception, field);
  };
  return { default: policy.default, exceptions: types.reduce(change, policy.exceptions) };
}

function same(a: DeviceException, b: DeviceException): boolean {
  return a.type === b.type && a.major === b.major && a.minor === b.minor;
}

function covers(wide: DeviceException, narrow: DeviceException): boolean {
  return wide.type === narrow.type && (wide.major === null || wide.major === narrow.major) && (wide.minor === null || wide.minor === narrow.minor);
}

function add(list: readonly DeviceException[], exception: DeviceException): readonly DeviceException[] {
  const index = list.findIndex((other) => same(other, exception));
  if (index === -1) return [...list, exception];
  return list.map((other, n) => (n === index ? { ...other, access: other.access | exception.access } : other));
}

function remove(list: readonly DeviceException[], exception: DeviceException, field: string): readonly DeviceException[] {
  return list.flatMap((other) => {
    if (covers(exception, other)) {
      const access = other.access & ~exception.access;
      return access === 0 ? [] : [{ ...other, access }];
    }
    if (covers(other, exception) && (other.access & exception.access) !== 0) {
      throw badField(field, 'takes a part out of a wider rule before it, which device control groups can not express: name the devices that are meant one by one');
    }
    return [other];
  });
}

function accessBits(access: string | undefined, field: string): number {
  const text = access ?? 'rwm';
  if (!/^[rwm]+$/.test(text)) throw badField(field, 'must be letters of r, w and m', text);
  return (text.includes('m') ? ACCESS.mknod : 0) | (text.includes('r') ? ACCESS.read : 0) | (text.includes('w') ? ACCESS.write : 0);
}

/** Absent and -1 mean all. */
function deviceNumber(value: number | undefined, field: string, max: number): number | null {
  return value === undefined || value === -1 ? null : integer(value, field, 0, max);
}

function char(major: number, minor: number | null): DeviceException {
  return { type: 'c', major, minor, access: ACCESS.mknod | ACCESS.read | ACCESS.write };
}

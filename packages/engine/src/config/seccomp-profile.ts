import type { OciSeccomp, OciSeccompAction, OciSeccompArg, OciSeccompOp } from '@gantry/oci';
import { badConfig } from './invalid.ts';

/** Bytes of a profile as JSON; Docker's own has 30 KB. */
const maxBytes = 1024 * 1024;
const field = 'security.options';

const actions: readonly OciSeccompAction[] = [
  'SCMP_ACT_KILL', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_TRAP', 'SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE', 'SCMP_ACT_ALLOW', 'SCMP_ACT_LOG',
];
const operators: readonly OciSeccompOp[] = ['SCMP_CMP_NE', 'SCMP_CMP_LT', 'SCMP_CMP_LE', 'SCMP_CMP_EQ', 'SCMP_CMP_GE', 'SCMP_CMP_GT', 'SCMP_CMP_MASKED_EQ'];

/** When a rule counts: Docker's addition to the profiles of the OCI specification. */
interface Condition {
  readonly caps: readonly string[];
  readonly arches: readonly string[];
  readonly minKernel: string | undefined;
}

interface Rule {
  readonly names: readonly string[];
  readonly action: OciSeccompAction;
  readonly errnoRet: number | undefined;
  readonly args: readonly OciSeccompArg[];
  readonly includes: Condition;
  readonly excludes: Condition;
}

/** A profile as Docker writes it (`seccomp=<profile>`), before it is known for whom. */
export interface SeccompProfile {
  readonly defaultAction: OciSeccompAction;
  readonly defaultErrnoRet: number | undefined;
  readonly architectures: readonly string[];
  /** Docker's: a native architecture and the ones it brings along. */
  readonly archMap: readonly { readonly architecture: string; readonly subArchitectures: readonly string[] }[];
  readonly flags: readonly string[];
  readonly rules: readonly Rule[];
}

/** What decides which rules of a profile count. */
export interface SeccompTarget {
  /** `CAP_...`: the container's. */
  readonly capabilities: readonly string[];
  /** As in OCI images: `amd64`. */
  readonly arch: string;
  /** `uname -r`. */
  readonly kernel: string;
}

const nativeArchitecture: Readonly<Record<string, string>> = {
  amd64: 'SCMP_ARCH_X86_64', '386': 'SCMP_ARCH_X86', arm64: 'SCMP_ARCH_AARCH64', arm: 'SCMP_ARCH_ARM', riscv64: 'SCMP_ARCH_RISCV64', s390x: 'SCMP_ARCH_S390X', ppc64le: 'SCMP_ARCH_PPC64LE',
};

/** @throws GantryError invalid `bad-container-config`, naming what is wrong. */
export function parseSeccomp(text: string): SeccompProfile {
  if (text.length > maxBytes) throw bad(`is larger than ${maxBytes} bytes`);
  const root = new Reader('', readJson(text));
  return {
    defaultAction: root.oneOf('defaultAction', actions),
    defaultErrnoRet: root.number('defaultErrnoRet'),
    architectures: root.strings('architectures'),
    archMap: root.objects('archMap').map((entry) => ({ architecture: entry.string('architecture'), subArchitectures: entry.strings('subArchitectures') })),
    flags: root.strings('flags'),
    rules: root.objects('syscalls').map(readRule),
  };
}

function readRule(rule: Reader): Rule {
  const name = rule.optionalString('name');
  return {
    names: name === undefined || name === '' ? rule.strings('names') : [name],
    action: rule.oneOf('action', actions),
    errnoRet: rule.number('errnoRet'),
    args: rule.objects('args').map((arg) => ({
      index: arg.number('index') ?? 0,
      value: arg.integer('value') ?? 0,
      valueTwo: arg.integer('valueTwo') ?? 0,
      op: arg.oneOf('op', operators),
    })),
    includes: readCondition(rule.object('includes')),
    excludes: readCondition(rule.object('excludes')),
  };
}

function readCondition(value: Reader | undefined): Condition {
  if (value === undefined) return { caps: [], arches: [], minKernel: undefined };
  return { caps: value.strings('caps'), arches: value.strings('arches'), minKernel: value.optionalString('minKernel') };
}

/** The profile for one container: the rules that count for it. */
export function resolveSeccomp(profile: SeccompProfile, target: SeccompTarget): OciSeccomp {
  const native = nativeArchitecture[target.arch];
  const mapped = profile.archMap.find(({ architecture }) => architecture === native);
  const architectures = mapped === undefined ? profile.architectures : [mapped.architecture, ...mapped.subArchitectures];
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures.length === 0 ? {} : { architectures }),
    ...(profile.flags.length === 0 ? {} : { flags: profile.flags }),
    syscalls: profile.rules.filter((rule) => counts(rule, target)).map(({ names, action, errnoRet, args }) => ({
      names,
      action,
      ...(errnoRet === undefined ? {} : { errnoRet }),
      ...(args.length === 0 ? {} : { args }),
    })),
  };
}

function counts({ includes, excludes }: Rule, target: SeccompTarget): boolean {
  const has = (cap: string): boolean => target.capabilities.includes(cap);
  const atLeast = (version: string | undefined): boolean => version === undefined || compareVersions(target.kernel, version) >= 0;
  if (excludes.arches.includes(target.arch) || excludes.caps.some(has)) return false;
  if (excludes.minKernel !== undefined && atLeast(excludes.minKernel)) return false;
  if (includes.arches.length > 0 && !includes.arches.includes(target.arch)) return false;
  return includes.caps.every(has) && atLeast(includes.minKernel);
}

function compareVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map((part) => Number.parseInt(part, 10));
  const [majorB = 0, minorB = 0] = b.split('.').map((part) => Number.parseInt(part, 10));
  return majorA - majorB || minorA - minorB;
}

function readJson(text: string): unknown {
  try {
    // Arguments are 64-bit numbers, which a double does not hold.
    return JSON.parse(text, (_key: string, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '') ? BigInt(context?.source ?? 0) : value,
    );
  } catch (cause) {
    throw bad(`is neither "unconfined", "builtin" nor JSON: ${cause instanceof Error ? cause.message : ''}`);
  }
}

function bad(why: string): Error {
  return badConfig(field, `decoding seccomp profile failed: it ${why}`);
}

/** Checked access to one object of the profile. Absent and null are the same, as in Go. */
class Reader {
  readonly #path: string;
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(path: string, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`has no object at ${path === '' ? 'its top' : path}`);
    this.#path = path;
    this.#value = Object.fromEntries(Object.entries(value));
  }

  #get<T>(key: string, what: string, is: (value: unknown) => value is T): T | undefined {
    const value = this.#value[key];
    if (value === undefined || value === null) return undefined;
    if (!is(value)) throw bad(`has no ${what} at ${this.#path}${key}`);
    return value;
  }

  optionalString(key: string): string | undefined {
    return this.#get(key, 'text', (value) => typeof value === 'string');
  }

  string(key: string): string {
    const value = this.optionalString(key);
    if (value === undefined) throw bad(`lacks ${this.#path}${key}`);
    return value;
  }

  number(key: string): number | undefined {
    return this.#get(key, 'whole number', (value): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0);
  }

  integer(key: string): number | bigint | undefined {
    return this.#get(key, 'whole number', (value): value is number | bigint => (typeof value === 'number' ? Number.isSafeInteger(value) && value >= 0 : typeof value === 'bigint' && value >= 0n));
  }

  strings(key: string): readonly string[] {
    return this.#get(key, 'list of texts', (value): value is string[] => Array.isArray(value) && value.every((item) => typeof item === 'string')) ?? [];
  }

  objects(key: string): readonly Reader[] {
    const list = this.#get(key, 'list', (value): value is unknown[] => Array.isArray(value)) ?? [];
    return list.map((item, index) => new Reader(`${this.#path}${key}[${index}].`, item));
  }

  object(key: string): Reader | undefined {
    const value = this.#value[key];
    return value === undefined || value === null ? undefined : new Reader(`${this.#path}${key}.`, value);
  }

  oneOf<T extends string>(key: string, known: readonly T[]): T {
    const value = this.string(key);
    const found = known.find((name) => name === value);
    if (found === undefined) throw bad(`has ${JSON.stringify(value)} at ${this.#path}${key}; known are ${known.join(', ')}`);
    return found;
  }
}

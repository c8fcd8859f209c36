import type { PlanProcess } from '@gantry/linux';
import type { OciProcess } from '@gantry/oci';
import { capabilityMasks } from './capabilities.ts';
import { absolutePath, badField, cString, integer, userId } from './field.ts';
import { rlimits } from './rlimits.ts';

/** A compiled filter, as `PlanProcess` carries it. */
export type SeccompProgram = NonNullable<PlanProcess['seccomp']>;

export interface ProcessContext {
  /** What this machine can give: `CapBnd` of the daemon. */
  readonly availableCapabilities: bigint;
  /** The filter of the container, the same for its first process and for every exec. */
  readonly seccomp?: SeccompProgram;
  /** Make the working directory if it is absent: the container's own, not those of execs. */
  readonly createCwd?: boolean;
  /** Told of capabilities that this machine can't give. */
  readonly onMissingCapabilities?: (names: readonly string[]) => void;
}

const maxStrings = 2 ** 20;
const maxStringBytes = 128 * 1024; // MAX_ARG_STRLEN: execve(2) takes no longer one
const maxGroups = 65_536; // NGROUPS_MAX

/**
 * A process as the native side starts it; `start` and `exec` both go through here, so that a second process never has
 * more rights than its spec says.
 *
 * @throws `GantryError` invalid, named by its field
 */
export function planProcess(process: OciProcess, context: ProcessContext, field = 'process'): PlanProcess {
  const args = strings(process.args, `${field}.args`);
  if (args.length === 0 || args[0] === '') throw badField(`${field}.args`, 'must begin with a program', process.args);
  const env = strings(process.env ?? [], `${field}.env`);
  env.forEach((entry, index) => {
    if (entry.indexOf('=') < 1) throw badField(`${field}.env[${index}]`, 'must have the form NAME=value', entry);
  });
  const { masks, missing } = capabilityMasks(process.capabilities, context.availableCapabilities, `${field}.capabilities`);
  if (missing.length > 0) context.onMissingCapabilities?.(missing);
  const { user, oomScoreAdj, apparmorProfile, selinuxLabel } = process;
  if ((user.additionalGids?.length ?? 0) > maxGroups) throw badField(`${field}.user.additionalGids`, `must be at most ${maxGroups} groups`);
  return {
    args,
    env,
    cwd: absolutePath(process.cwd, `${field}.cwd`),
    ...(context.createCwd === true ? { createCwd: true } : {}),
    uid: userId(user.uid, `${field}.user.uid`),
    gid: userId(user.gid, `${field}.user.gid`),
    groups: (user.additionalGids ?? []).map((gid, index) => userId(gid, `${field}.user.additionalGids[${index}]`)),
    umask: integer(user.umask ?? 0o022, `${field}.user.umask`, 0, 0o777),
    caps: masks,
    rlimits: rlimits(process.rlimits, `${field}.rlimits`),
    noNewPrivileges: process.noNewPrivileges ?? false,
    ...(context.seccomp === undefined ? {} : { seccomp: context.seccomp }),
    ...(oomScoreAdj === undefined ? {} : { oomScoreAdj: integer(oomScoreAdj, `${field}.oomScoreAdj`, -1000, 1000) }),
    ...(apparmorProfile === undefined || apparmorProfile === '' ? {} : { apparmor: label(apparmorProfile, `${field}.apparmorProfile`) }),
    ...(selinuxLabel === undefined || selinuxLabel === '' ? {} : { selinux: label(selinuxLabel, `${field}.selinuxLabel`) }),
    path: searchPath(env),
  };
}

/** Folders of PATH, the last one given. Relative and empty entries are left out: a program is never taken from the working directory by accident. */
function searchPath(env: readonly string[]): readonly string[] {
  const entry = env.findLast((variable) => variable.startsWith('PATH='));
  return (entry ?? '').slice('PATH='.length).split(':').filter((folder) => folder.startsWith('/'));
}

function strings(list: readonly string[], field: string): readonly string[] {
  if (list.length > maxStrings) throw badField(field, `must be at most ${maxStrings} strings`, list.length);
  list.forEach((entry, index) => {
    cString(entry, `${field}[${index}]`);
    if (Buffer.byteLength(entry) >= maxStringBytes) throw badField(`${field}[${index}]`, `is longer than the kernel takes (${maxStringBytes - 1} bytes)`);
  });
  return list;
}

function label(value: string, field: string): string {
  if (!/^[\x21-\x7e]{1,4095}$/.test(value)) throw badField(field, 'must be printable, without spaces', value);
  return value;
}

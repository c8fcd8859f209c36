import { constants } from 'node:os';
import { GantryError } from '@gantry/errors';
import type { OciSeccompAction } from '@gantry/oci';

/** `SECCOMP_RET_*` of linux/seccomp.h. */
const codes: Readonly<Record<OciSeccompAction, number>> = {
  SCMP_ACT_KILL: 0x0000_0000,
  SCMP_ACT_KILL_THREAD: 0x0000_0000,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};

/** The kernel cuts a larger errno down to this (`MAX_ERRNO`). */
const maxErrno = 4095;

/** What a filter answers a call that no kernel of the profile's time had. */
export const retEnosys: number = codes.SCMP_ACT_ERRNO | constants.errno.ENOSYS;

/** What a filter does to a call of a convention that the profile does not list. */
export const retKillProcess: number = codes.SCMP_ACT_KILL_PROCESS;

export function isAction(value: unknown): value is OciSeccompAction {
  return typeof value === 'string' && Object.hasOwn(codes, value);
}

/** Whether the call goes through, be it noted or after a tracer's word. */
export function letsThrough(action: OciSeccompAction): boolean {
  return action === 'SCMP_ACT_ALLOW' || action === 'SCMP_ACT_LOG' || action === 'SCMP_ACT_TRACE';
}

/**
 * The word that a filter returns for an action. `errnoRet` (default `EPERM`) is the errno of `SCMP_ACT_ERRNO` and the
 * message to the tracer of `SCMP_ACT_TRACE`; with other actions it has no meaning and is not looked at, as in runc.
 *
 * @throws GantryError `invalid` `seccomp-profile-invalid`
 */
export function actionCode(action: OciSeccompAction, errnoRet: number | undefined, field: string): number {
  if (!isAction(action)) {
    throw new GantryError('invalid', 'seccomp-profile-invalid', `The seccomp profile's ${field} is ${JSON.stringify(action)}; it must be one of ${Object.keys(codes).join(', ')}`, { details: { field } });
  }
  if (action !== 'SCMP_ACT_ERRNO' && action !== 'SCMP_ACT_TRACE') return codes[action];
  const data = errnoRet ?? constants.errno.EPERM;
  const most = action === 'SCMP_ACT_ERRNO' ? maxErrno : 0xffff;
  if (!Number.isInteger(data) || data < 0 || data > most) {
    throw new GantryError('invalid', 'seccomp-profile-invalid', `The seccomp profile's errno for ${field} is ${data}; it must be a whole number from 0 to ${most}`, { details: { field } });
  }
  return codes[action] | data;
}

/** `SECCOMP_FILTER_FLAG_*` of linux/seccomp.h. */
const flagBits: ReadonlyMap<string, number> = new Map([
  ['SECCOMP_FILTER_FLAG_TSYNC', 1 << 0],
  ['SECCOMP_FILTER_FLAG_LOG', 1 << 1],
  ['SECCOMP_FILTER_FLAG_SPEC_ALLOW', 1 << 2],
  // Is about waiting for a listener. Without one the kernel refuses the flag, and there is nothing to wait for.
  ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV', 0],
]);

/**
 * The second argument of `seccomp(SECCOMP_SET_MODE_FILTER, ...)`. A profile without a list of flags gets
 * `SPEC_ALLOW`, as runc gives it: without it every filtered process pays for speculation barriers. An empty list is
 * no flags.
 *
 * @throws GantryError `invalid` `seccomp-flag-unknown`
 */
export function filterFlags(flags: readonly string[] = ['SECCOMP_FILTER_FLAG_SPEC_ALLOW']): number {
  let bits = 0;
  for (const flag of flags) {
    const bit = flagBits.get(flag);
    if (bit === undefined) {
      throw new GantryError('invalid', 'seccomp-flag-unknown', `The seccomp profile asks for the flag ${JSON.stringify(flag)}, which is none of ${[...flagBits.keys()].join(', ')}`, { details: { flag } });
    }
    bits |= bit;
  }
  return bits;
}

import { constants } from 'node:os';
import type { OciSeccomp } from '@gantry/oci';
import { abiFacts, archFacts, type SeccompArch } from './architecture.ts';
import { allowedByCapability, allowedOnArch, allowedSinceFilterAfterTrace, alwaysAllowed } from './default-syscalls.ts';
import { atLeast, parseKernelVersion } from './kernel-version.ts';

type Rule = NonNullable<OciSeccomp['syscalls']>[number];

/** The first kernel whose tracers cannot slip a call past the filter. */
const filterAfterTrace = { major: 4, minor: 8 };

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of linux/sched.h. */
const namespaceFlags = 0x7e02_0000;

/**
 * The execution domains that no privilege hides behind: PER_LINUX and PER_LINUX32, both also with UNAME26, and the
 * question for the current one (personality(2)).
 */
const personalities = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

function allow(names: readonly string[], ...args: NonNullable<Rule['args']>): Rule {
  return { names, action: 'SCMP_ACT_ALLOW', ...(args.length > 0 && { args }) };
}

/** Every address family but AF_ALG (38), a way into kernel code that containers do not need, and AF_VSOCK (40), which leads to the hypervisor. */
function socketRules(): Rule[] {
  return [
    allow(['socket'], { index: 0, value: 38, op: 'SCMP_CMP_LT' }),
    allow(['socket'], { index: 0, value: 39, op: 'SCMP_CMP_EQ' }),
    allow(['socket'], { index: 0, value: 40, op: 'SCMP_CMP_GT' }),
  ];
}

/** Without CAP_SYS_ADMIN: threads and processes, but no namespaces. */
function unprivilegedCloneRules(): Rule[] {
  return [
    allow(['clone'], { index: 0, value: namespaceFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }),
    // Its flags are in memory, out of a filter's sight; libraries that are told it does not exist use `clone`.
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: constants.errno.ENOSYS },
  ];
}

/**
 * Docker's default policy: what containers need is allowed, everything else fails with `EPERM`, and calls newer than
 * the policy with `ENOSYS`.
 *
 * @param caps the bounding set of the container, by OCI names such as `CAP_SYS_ADMIN`
 * @param kernelVersion the release of the running kernel, as `uname -r` prints it
 * @throws GantryError `invalid` `kernel-version-invalid`
 */
export function defaultProfile(caps: readonly string[], arch: SeccompArch, kernelVersion: string): OciSeccomp {
  const held = new Set(caps);
  const traceable = atLeast(parseKernelVersion(kernelVersion), filterAfterTrace);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: constants.errno.EPERM,
    architectures: archFacts(arch).abis.map((abi) => abiFacts(abi).oci),
    syscalls: [
      allow([...alwaysAllowed.flat(), ...allowedOnArch[arch]]),
      ...(traceable ? [allow(allowedSinceFilterAfterTrace)] : []),
      ...socketRules(),
      ...personalities.map((value) => allow(['personality'], { index: 0, value, op: 'SCMP_CMP_EQ' })),
      ...allowedByCapability.filter(([capability]) => held.has(capability)).map(([, names]) => allow(names)),
      ...(held.has('CAP_SYS_ADMIN') ? [] : unprivilegedCloneRules()),
    ],
  };
}

import { GantryError } from '@gantry/errors';

/** An architecture whose kernels filters are made for. */
export type SeccompArch = 'x86_64' | 'aarch64' | 'riscv64';

/** A system call convention that such a kernel serves: its own, and the older ones it keeps for existing programs. */
export type SyscallAbi = 'x86_64' | 'i386' | 'x32' | 'aarch64' | 'arm' | 'riscv64';

/** The bit that tells an x32 call from an x86_64 one; both come under one audit architecture (asm/unistd.h). */
export const x32Bit = 0x4000_0000;

/** A system call number is a word. */
export const maxNumber = 0xffff_ffff;

/** arm's private calls, `cacheflush` and its like, begin here (asm/unistd.h, `__ARM_NR_BASE`). */
export const armPrivateBase = 0x0f_0000;

interface AbiFacts {
  /** `AUDIT_ARCH_*` of linux/audit.h: what stands in `seccomp_data.arch`. */
  readonly audit: number;
  /** The name in an OCI profile. */
  readonly oci: string;
  /** How wide a register is: a 32 bit one arrives with zeroes above. */
  readonly registerBits: 32 | 64;
}

const abis: Readonly<Record<SyscallAbi, AbiFacts>> = {
  x86_64: { audit: 0xc000_003e, oci: 'SCMP_ARCH_X86_64', registerBits: 64 },
  i386: { audit: 0x4000_0003, oci: 'SCMP_ARCH_X86', registerBits: 32 },
  x32: { audit: 0xc000_003e, oci: 'SCMP_ARCH_X32', registerBits: 64 },
  aarch64: { audit: 0xc000_00b7, oci: 'SCMP_ARCH_AARCH64', registerBits: 64 },
  arm: { audit: 0x4000_0028, oci: 'SCMP_ARCH_ARM', registerBits: 32 },
  riscv64: { audit: 0xc000_00f3, oci: 'SCMP_ARCH_RISCV64', registerBits: 64 },
};

interface ArchFacts {
  /** The native convention first. */
  readonly abis: readonly [SyscallAbi, ...SyscallAbi[]];
  /** `process.arch` of Node. */
  readonly node: string;
  /** The name that Docker's profile files use in `includes.arches` and `excludes.arches`. */
  readonly docker: string;
}

const archs: Readonly<Record<SeccompArch, ArchFacts>> = {
  x86_64: { abis: ['x86_64', 'i386', 'x32'], node: 'x64', docker: 'amd64' },
  aarch64: { abis: ['aarch64', 'arm'], node: 'arm64', docker: 'arm64' },
  riscv64: { abis: ['riscv64'], node: 'riscv64', docker: 'riscv64' },
};

/** Architecture names of the OCI runtime specification that no kernel of a {@link SeccompArch} can report. */
const foreign: ReadonlySet<string> = new Set(
  ['MIPS', 'MIPS64', 'MIPS64N32', 'MIPSEL', 'MIPSEL64', 'MIPSEL64N32', 'PPC', 'PPC64', 'PPC64LE', 'S390', 'S390X', 'PARISC', 'PARISC64', 'LOONGARCH64', 'M68K', 'SH', 'SHEB'].map(
    (name) => `SCMP_ARCH_${name}`,
  ),
);

const abiByOciName: ReadonlyMap<string, SyscallAbi> = new Map(Object.values(archs).flatMap((arch) => arch.abis.map((abi) => [abis[abi].oci, abi] as const)));

export const abiFacts = (abi: SyscallAbi): AbiFacts => abis[abi];

export const archFacts = (arch: SeccompArch): ArchFacts => archs[arch];

/** Which convention an OCI architecture name means; `foreign` for one that exists and cannot occur here. */
export function abiOfOciName(name: string): SyscallAbi | 'foreign' | undefined {
  return abiByOciName.get(name) ?? (foreign.has(name) ? 'foreign' : undefined);
}

/**
 * The architecture to compile for, from Node's name of it.
 *
 * @throws GantryError `notImplemented` `seccomp-architecture` when this package has no system call table for it.
 */
export function seccompArch(nodeArch: string = process.arch): SeccompArch {
  const found = Object.entries(archs).find(([, { node }]) => node === nodeArch)?.[0];
  if (found === 'x86_64' || found === 'aarch64' || found === 'riscv64') return found;
  throw new GantryError('notImplemented', 'seccomp-architecture', `There is no system call table for the architecture ${nodeArch}. Run without a filter (seccomp=unconfined), or on x64, arm64 or riscv64.`, {
    details: { arch: nodeArch },
  });
}

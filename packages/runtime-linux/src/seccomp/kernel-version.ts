import { GantryError } from '@gantry/errors';

export interface KernelVersion {
  readonly major: number;
  readonly minor: number;
}

/**
 * The first two numbers of a kernel release such as `6.18.44-generic`.
 *
 * @throws GantryError `invalid` `kernel-version-invalid`
 */
export function parseKernelVersion(release: string): KernelVersion {
  const [, major, minor] = /^(\d{1,6})\.(\d{1,6})(?![\d])/.exec(release) ?? [];
  if (major === undefined || minor === undefined) {
    throw new GantryError('invalid', 'kernel-version-invalid', `"${release.slice(0, 64)}" is no kernel version; expected something like 6.18 or 5.10.0-26-amd64`, { details: { release: release.slice(0, 64) } });
  }
  return { major: Number(major), minor: Number(minor) };
}

export function atLeast(version: KernelVersion, wanted: KernelVersion): boolean {
  return version.major === wanted.major ? version.minor >= wanted.minor : version.major > wanted.major;
}

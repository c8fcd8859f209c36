import type { TarLimits } from './tar-types.ts';

/** Bounds that no archive in earnest reaches. */
export const defaultTarLimits: TarLimits = {
  maxEntries: 2_000_000,
  maxBytes: 2 ** 40,
  maxName: 32 * 1024,
  maxDepth: 1024,
  maxExtended: 1024 * 1024,
  maxRegions: 262_144,
};

export function tarLimits(limits: Partial<TarLimits> | undefined): TarLimits {
  return limits === undefined ? defaultTarLimits : { ...defaultTarLimits, ...limits };
}

export interface Summary {
  readonly runs: number;
  /** Milliseconds, all. */
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly min: number;
}

export function summarise(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
  return { runs: sorted.length, median: at(0.5), p10: at(0.1), p90: at(0.9), min: at(0) };
}

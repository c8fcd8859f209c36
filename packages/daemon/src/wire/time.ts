/** What Docker writes for a time that has not come. */
export const never = '0001-01-01T00:00:00Z';

/** Unix seconds of an RFC 3339 time; 0 of none. */
export function unixSeconds(time: string | null): number {
  const ms = time === null ? NaN : Date.parse(time);
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
}

/** Nanoseconds of Unix time, all nine digits. */
export function unixNanos(time: string): bigint {
  const fraction = /\.(\d{1,9})/.exec(time)?.[1] ?? '';
  return BigInt(unixSeconds(time)) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** RFC 3339 in UTC with nine digits. */
export function fromNanos(nanos: bigint): string {
  const billion = 1_000_000_000n;
  const fraction = ((nanos % billion) + billion) % billion;
  const seconds = Number((nanos - fraction) / billion);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(fraction).padStart(9, '0')}Z`;
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** A span for people, as Docker words it: `Less than a second`, `About an hour`, `3 weeks`. */
export function humanSpan(seconds: number): string {
  const s = Math.floor(seconds);
  const hours = Math.round(seconds / hour);
  if (s < 1) return 'Less than a second';
  if (s === 1) return '1 second';
  if (s < minute) return `${s} seconds`;
  if (s < 2 * minute) return 'About a minute';
  if (s < hour) return `${Math.floor(s / minute)} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / day / 365)} years`;
}

import { GantryError } from '@gantry/errors';

/**
 * Nanoseconds since the epoch of an RFC 3339 time with up to nine digits of a second; undefined if it is none. A number
 * of milliseconds, which `Date` has, would make entries of one millisecond equal.
 */
export function nanoseconds(time: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  const [, seconds, fraction = '', zone] = match ?? [];
  if (seconds === undefined || zone === undefined) return undefined;
  const milliseconds = Date.parse(seconds + zone);
  return Number.isNaN(milliseconds) ? undefined : BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** @throws `GantryError` invalid `log-time-invalid` */
export function requireTime(time: string, name: string): bigint {
  const value = nanoseconds(time);
  if (value === undefined) throw new GantryError('invalid', 'log-time-invalid', `${name} must be a time such as 2026-01-31T12:00:00.5Z, and is ${JSON.stringify(time)}`);
  return value;
}

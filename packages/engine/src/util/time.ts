import type { Time } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';

let lastMs = 0;
let withinMs = 0;

/** Now, with nanosecond digits. Calls within one millisecond get growing times, so that sorting by time keeps their order. */
export function now(): Time {
  const ms = Date.now();
  withinMs = ms === lastMs ? Math.min(withinMs + 1, 999_999) : 0;
  lastMs = ms;
  return `${new Date(ms).toISOString().slice(0, -1)}${String(withinMs).padStart(6, '0')}Z`;
}

const pattern = /^(\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/;

/** Nanoseconds since 1970. @throws GantryError invalid `bad-time`. */
export function nanosOf(time: Time): bigint {
  const [, seconds, fraction = '', zone] = pattern.exec(time) ?? [];
  const ms = seconds === undefined || zone === undefined ? NaN : Date.parse(seconds + zone);
  if (Number.isNaN(ms)) throw new GantryError('invalid', 'bad-time', `${JSON.stringify(time)} is not an RFC 3339 time`);
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** Negative, zero or positive, as `a` is before, at or after `b`. */
export function compareTimes(a: Time, b: Time): number {
  const difference = nanosOf(a) - nanosOf(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

import type { Filters } from '@gantry/api';
import type { ImageFilter } from '@gantry/engine';
import { GantryError } from '@gantry/errors';
import { fromNanos } from './time.ts';

const bad = (name: string, value: string): GantryError => new GantryError('invalid', 'bad-filter', `invalid filter '${name}=${value.slice(0, 64)}'`, { details: { filter: name } });

function toFlag(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw bad(name, value);
}

const unitSeconds: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1 };

/** `10m`, `1h30m`: so long before now, in nanoseconds of Unix time. */
function durationAgo(value: string, now: number): bigint | undefined {
  if (!/^(?:\d{1,9}[hms]){1,3}$/.test(value)) return undefined;
  const seconds = [...value.matchAll(/(\d+)([hms])/g)].reduce((sum, [, n = '0', unit = 's']) => sum + Number(n) * (unitSeconds[unit] ?? 1), 0);
  return BigInt(Math.round(now - seconds * 1000)) * 1_000_000n;
}

/** Unix seconds, a span before now, or a date. `now` in ms of Unix time. */
function toTime(value: string, now: number): string {
  if (/^\d{1,12}$/.test(value)) return fromNanos(BigInt(value) * 1_000_000_000n);
  const ago = durationAgo(value, now);
  if (ago !== undefined) return fromNanos(ago);
  const ms = /^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?$/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(ms)) throw bad('until', value);
  return fromNanos(BigInt(ms) * 1_000_000n);
}

/** @throws GantryError invalid `bad-filter` */
export function toImageFilter(filters: Filters, now: number): ImageFilter {
  const until = filters.get('until')?.[0];
  return {
    dangling: toFlag('dangling', filters.get('dangling')?.[0]),
    labels: filters.get('label'),
    references: filters.get('reference'),
    before: filters.get('before')?.[0],
    since: filters.get('since')?.[0],
    until: until === undefined ? undefined : toTime(until, now),
  };
}

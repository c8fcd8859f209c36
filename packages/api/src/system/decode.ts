import type { AuthConfig } from '@gantry/api-types';
import { object, string, type Decoder } from '../http/decode.ts';
import { badParameter, type Query } from '../http/query.ts';
import { decodeFilters } from '../http/filters.ts';
import type { EventsQuery } from './backend.ts';

export const authConfig: Decoder<AuthConfig> = object<AuthConfig>({
  username: string,
  password: string,
  serveraddress: string,
  auth: string,
  email: string,
  identitytoken: string,
  registrytoken: string,
});

const eventFilters = [
  'config', 'container', 'daemon', 'event', 'image', 'label', 'network', 'node', 'plugin', 'scope', 'secret', 'service', 'type', 'volume',
];

/**
 * `1795569454`, `1795569454.072174027`, or an RFC 3339 time, as nanoseconds of Unix time; undefined when absent.
 * Docker's clients turn what people write (`10m`, dates without a zone) into the first two.
 */
export function decodeTimestamp(query: Query, name: string): bigint | undefined {
  const text = query.text(name);
  if (text === '' || text === '0') return undefined;
  const unix = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
  if (unix !== null) {
    const [, sign, seconds = '0', fraction = ''] = unix;
    const nanos = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
    return sign === '-' ? -nanos : nanos;
  }
  const date = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const millis = date === null ? NaN : Date.parse(`${date[1] ?? ''}${date[3] ?? ''}`);
  if (Number.isNaN(millis)) throw badParameter(name, `expected seconds of Unix time or an RFC 3339 time, got ${JSON.stringify(text.slice(0, 64))}`);
  return BigInt(millis) * 1_000_000n + BigInt((date?.[2] ?? '').padEnd(9, '0'));
}

export function decodeEvents(query: Query, signal: AbortSignal): EventsQuery {
  const since = decodeTimestamp(query, 'since');
  const until = decodeTimestamp(query, 'until');
  return {
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    filters: decodeFilters(query, eventFilters),
    signal,
  };
}

import type { ApiVersion } from '@gantry/api-types';
import { before } from '../version.ts';
import type { EventRecord } from './backend.ts';

/** How a stream of events is written: the media type, and what stands before each object. */
export interface EventFormat {
  readonly contentType: string;
  readonly prefix: string;
}

const formats: readonly EventFormat[] = [
  { contentType: 'application/jsonl', prefix: '' },
  { contentType: 'application/x-ndjson', prefix: '' },
  { contentType: 'application/json-seq', prefix: '\x1e' }, // RFC 7464
];

/** What the client asked for by name; a wildcard gets what all versions had. */
export function eventFormat(accept: string | undefined, version: ApiVersion): EventFormat {
  const wanted = (accept ?? '').split(',').map((range) => (range.split(';')[0] ?? '').trim().toLowerCase());
  const found = before(version, '1.52') ? undefined : formats.find(({ contentType }) => wanted.includes(contentType));
  return found ?? { contentType: 'application/json', prefix: '' };
}

/** Until 1.52 containers and images had their three oldest fields besides the newer ones. */
function legacyFields(event: EventRecord, version: ApiVersion): object {
  if (!before(version, '1.52') || (event.Type !== 'container' && event.Type !== 'image')) return {};
  const from = event.Type === 'container' ? event.Actor.Attributes['image'] : undefined;
  return { status: event.Action, id: event.Actor.ID, ...(from === undefined ? {} : { from }) };
}

/** One event as text. `timeNano` needs all its 19 digits, which a number of JavaScript does not keep. */
export function eventText(event: EventRecord, version: ApiVersion, format: EventFormat): string {
  const { timeNano, ...rest } = event;
  const text = JSON.stringify({ ...legacyFields(event, version), ...rest, time: Number(timeNano / 1_000_000_000n) });
  return `${format.prefix}${text.slice(0, -1)},"timeNano":${timeNano}}\n`;
}

import type { EventRecord, EventsQuery, Filters } from '@gantry/api';
import type { EngineEvent, WatchEvents } from '@gantry/engine';
import { fromNanos, unixNanos } from './time.ts';

/** Kinds of things that there are none of here: a filter on one lets no event through. */
const strangers = ['config', 'network', 'node', 'plugin', 'secret', 'service', 'volume'];

/** True if no event can pass. */
export function matchesNothing(filters: Filters): boolean {
  if (strangers.some((name) => filters.has(name))) return true;
  const scopes = filters.get('scope');
  return scopes !== undefined && !scopes.includes('local');
}

export function toWatch({ since, until, filters, signal }: EventsQuery): WatchEvents {
  return {
    since: since === undefined ? undefined : fromNanos(since),
    until: until === undefined ? undefined : fromNanos(until),
    filter: {
      types: filters.get('type'),
      actions: filters.get('event'),
      containers: filters.get('container'),
      images: filters.get('image'),
      labels: filters.get('label'),
    },
    signal,
  };
}

export function toEventRecord(event: EngineEvent): EventRecord {
  return {
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.actor.id, Attributes: event.actor.attributes },
    scope: 'local',
    timeNano: unixNanos(event.at),
  };
}

import type { Call } from '@gantry/driver-api';
import type { Time } from './given.ts';

export type EventType = 'container' | 'image' | 'network' | 'volume' | 'daemon';

/** Something that happened, kept in the database: names and attributes are those of Docker's events. */
export interface EngineEvent {
  /** Grows by each event, also over restarts of the engine. */
  readonly seq: number;
  readonly at: Time;
  readonly type: EventType;
  /** `create`, `attach`, `start`, `die`, `kill`, `stop`, `destroy`, `pull`, `untag`, `delete`, ... */
  readonly action: string;
  readonly actor: { readonly id: string; readonly attributes: Readonly<Record<string, string>> };
}

/** Every given list must hold; within one any entry may. */
export interface EventFilter {
  readonly types?: readonly string[] | undefined;
  readonly actions?: readonly string[] | undefined;
  /** Names, ids, or prefixes of ids. */
  readonly containers?: readonly string[] | undefined;
  readonly images?: readonly string[] | undefined;
  /** `key` or `key=value`; all must hold. */
  readonly labels?: readonly string[] | undefined;
}

export interface WatchEvents extends Call {
  /** What happened since then comes first; absent: only what is still to come. */
  readonly since?: Time | undefined;
  /** Ends there; absent: never. */
  readonly until?: Time | undefined;
  readonly filter?: EventFilter | undefined;
}

import type { StringMap } from './common.ts';

export type EventType =
  | 'builder' | 'config' | 'container' | 'daemon' | 'image' | 'network' | 'node' | 'plugin' | 'secret' | 'service' | 'volume';

export interface EventActor {
  readonly ID: string;
  readonly Attributes: StringMap;
}

/** A line of `GET /events`. `time` in seconds, `timeNano` in nanoseconds of Unix time. */
export interface EventMessage {
  readonly Type: EventType;
  readonly Action: string;
  readonly Actor: EventActor;
  readonly scope: 'local' | 'swarm';
  readonly time: number;
  /** Above 2^53, so a JSON parser that reads numbers as doubles loses the last digits; the text on the wire is exact. */
  readonly timeNano: number;
  /** API below 1.52: the action, for containers and images. */
  readonly status?: string;
  /** API below 1.52: the actor's ID, for containers and images. */
  readonly id?: string;
  /** API below 1.52: the image, for containers. */
  readonly from?: string;
}

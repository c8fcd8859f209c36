import type { AuthConfig, AuthResponse, DriverReport, EventMessage, SystemDataUsageResponse, SystemInfo, SystemVersion } from '@gantry/api-types';
import type { Filters } from '../http/filters.ts';

/** An event as it happened; the API adds what old clients expect besides, and writes `timeNano` exactly. */
export interface EventRecord extends Omit<EventMessage, 'status' | 'id' | 'from' | 'time' | 'timeNano'> {
  /** Nanoseconds of Unix time. */
  readonly timeNano: bigint;
}

export interface EventsQuery {
  /** Nanoseconds of Unix time; absent: only what is still to come. */
  readonly since?: bigint;
  /** Nanoseconds of Unix time; absent: without an end. */
  readonly until?: bigint;
  readonly filters: Filters;
  /** Ends the iteration. */
  readonly signal: AbortSignal;
}

/** What the system's routes need. Everything in the newest version's form: the API shapes it for older clients. */
export interface SystemBackend {
  version(): Promise<SystemVersion>;
  info(): Promise<SystemInfo>;
  /** Resolves once it listens, so that nothing after that is missed. */
  events(query: EventsQuery): Promise<AsyncIterable<EventRecord>>;
  /** An addition of Gantry: which drivers there are, and which were passed over. */
  drivers(): Promise<readonly DriverReport[]>;
  /** Tries credentials at a registry. Absent: 501. @throws GantryError unauthenticated */
  auth?(config: AuthConfig): Promise<AuthResponse>;
  /** Absent: 501. */
  diskUsage?(query: { readonly types: readonly string[]; readonly verbose: boolean }): Promise<SystemDataUsageResponse>;
}

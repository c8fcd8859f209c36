import type { IncomingHttpHeaders } from 'node:http';
import type { ApiVersion } from '@gantry/api-types';
import type { Json } from './json.ts';
import type { Query } from './query.ts';
import type { Reply } from './reply.ts';

/** One request, as its handler sees it. */
export interface ApiRequest {
  readonly method: string;
  /** Without the version's prefix. */
  readonly path: string;
  readonly version: ApiVersion;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly headers: IncomingHttpHeaders;
  /** Fires when the client goes away before the answer is complete. For reads; a change that has begun is carried through. */
  readonly signal: AbortSignal;
  /**
   * The body as JSON; undefined when there is none.
   * @throws GantryError invalid `bad-content-type`, `bad-json`, `body-too-large`; timeout `slow-body`.
   */
  json(): Promise<Json | undefined>;
}

/** Decodes, asks a backend, says what to reply. It writes nothing itself: each response has one writer. */
export type Handler = (request: ApiRequest) => Promise<Reply>;

/** A part of the path. Routes are made with their parameters, so a missing one is a defect of the table. */
export function param(request: ApiRequest, name: string): string {
  const value = request.params[name];
  if (value === undefined) throw new TypeError(`the route of ${request.path} has no parameter ${name}`);
  return value;
}

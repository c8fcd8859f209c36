import type { Server } from 'node:http';
import type { Api } from './create-api.ts';
import { http } from './http/node-http.ts';

/** What a client may cost before it has said what it wants. Times in milliseconds. */
export interface ServerLimits {
  /** Bytes of a request's head. Registry tokens stand there. */
  readonly maxHeaderSize: number;
  /** For the head of a request. */
  readonly headersTimeout: number;
  /** For the whole request; 0 is none: an image may take an hour to upload. JSON bodies have a deadline of their own. */
  readonly requestTimeout: number;
  /** Between two requests. */
  readonly keepAliveTimeout: number;
  /** How often the timeouts are looked at. */
  readonly connectionsCheckingInterval: number;
  /** Sockets at once. */
  readonly maxConnections: number;
}

export const serverLimits: ServerLimits = {
  maxHeaderSize: 64 * 1024,
  headersTimeout: 15_000,
  requestTimeout: 0,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  maxConnections: 2048,
};

/** A Node HTTP server with the limits of {@link serverLimits}; not yet listening. */
export function createApiServer(api: Api, limits: Partial<ServerLimits> = {}): Server {
  const { maxConnections, ...options } = { ...serverLimits, ...limits };
  const server = http.createServer(options, api.handler);
  server.maxConnections = maxConnections;
  server.on('upgrade', api.upgrade);
  server.on('clientError', api.clientError);
  return server;
}

import { Containers } from './containers.ts';
import { parseEndpoint } from './endpoint.ts';
import { HttpApi } from './http-api.ts';
import { Transport, type OnUnreachable } from './http1/transport.ts';
import { Images } from './images.ts';
import { System } from './system.ts';

/** One engine, by its API. Calls may run side by side; `close()` ends those in flight. */
export interface EngineClient extends Disposable {
  readonly host: string;
  readonly system: System;
  readonly images: Images;
  readonly containers: Containers;
  close(): void;
}

export interface ClientOptions {
  readonly host: string;
  /** A chance to start an engine where none listens: called once at most, when the first connection fails, which is then tried again. */
  readonly onUnreachable?: OnUnreachable;
}

/**
 * A client of the engine at `host` (`unix:///path`, `tcp://host:port`). Connects on the first call.
 *
 * Every call throws `GantryError`: what the engine answered (by status and code), `unavailable` where it cannot be reached,
 * `aborted` when the call's signal fires.
 */
export function createClient(o: ClientOptions): EngineClient {
  const transport = new Transport(parseEndpoint(o.host), o.onUnreachable);
  const http = new HttpApi(transport);
  return {
    host: o.host,
    system: new System(http),
    images: new Images(http),
    containers: new Containers(http),
    close: () => transport.close(),
    [Symbol.dispose]: () => transport.close(),
  };
}

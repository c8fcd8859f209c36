import type { EventMessage, SystemInfo, SystemVersion } from '@gantry/api-types';
import { drain, type CallOptions, type HttpApi } from './http-api.ts';

export interface PingResult {
  /** Newest API version of the engine. */
  readonly apiVersion: string;
  readonly osType: string;
  readonly builderVersion: string;
}

export class System {
  readonly #http: HttpApi;

  constructor(http: HttpApi) {
    this.#http = http;
  }

  async ping(o: CallOptions = {}): Promise<PingResult> {
    const response = await this.#http.send('GET', '/_ping', o);
    await drain(response.body);
    const header = (name: string): string => response.headers.get(name) ?? '';
    return { apiVersion: header('api-version'), osType: header('ostype'), builderVersion: header('builder-version') };
  }

  version(o: CallOptions = {}): Promise<SystemVersion> {
    return this.#http.json('GET', '/version', o);
  }

  info(o: CallOptions = {}): Promise<SystemInfo> {
    return this.#http.json('GET', '/info', o);
  }

  /** Which drivers the engine runs on. Gantry's engine only. */
  drivers(o: CallOptions = {}): Promise<readonly DriverReport[]> {
    return this.#http.json('GET', '/gantry/drivers', o);
  }

  /** `since`, `until`: Unix seconds (with a fraction) or RFC 3339. Without `until` it follows. */
  events(o: CallOptions & { readonly since?: string; readonly until?: string; readonly filters?: Filters } = {}): AsyncGenerator<EventMessage, void, undefined> {
    return this.#http.lines('GET', '/events', { query: { since: o.since, until: o.until, filters: encodeFilters(o.filters) }, ...pick(o) });
  }
}

/** Docker's filters: for each key the values of which one must match. */
export type Filters = Readonly<Record<string, readonly string[]>>;

export function encodeFilters(filters: Filters | undefined): string | undefined {
  return filters === undefined || Object.keys(filters).length === 0 ? undefined : JSON.stringify(filters);
}

export function pick(o: CallOptions): CallOptions {
  return o.signal === undefined ? {} : { signal: o.signal };
}

/** A driver as `GET /gantry/drivers` tells of it (an addition of Gantry's engine to Docker's API). */
export interface DriverReport {
  readonly kind: string;
  readonly name: string;
  /** The npm package that it comes from. */
  readonly package: string;
  /** `used`: opened; `passed-over`: its probe failed, and another one is used; `available`: configured, not the default. */
  readonly status: 'used' | 'passed-over' | 'available';
  /** Why it was passed over. */
  readonly reason?: string;
}

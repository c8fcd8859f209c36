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

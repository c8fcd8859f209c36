import { GantryError, isGantryError } from '@gantry/errors';
import type { AuthSession, AuthTarget, Standing } from '../auth/session.ts';
import { Realms } from '../auth/realm.ts';
import type { RegistryClientOptions, ResolvedOptions } from '../options.ts';
import { Endpoints, type Endpoint } from './endpoints.ts';
import { HostRules } from './host-rules.ts';
import type { HttpResponse } from './response.ts';
import { Transport } from './transport.ts';

/** A request within a registry's `/v2/`. */
export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD';
  /** After `/v2/`. */
  readonly path: string;
  /** `repository:library/debian:pull`. */
  readonly scope: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
}

/** One response, and in whose name it was asked for. */
export interface RegistryAnswer {
  readonly response: HttpResponse;
  readonly standing: Standing;
}

/** What all calls of one client share: connections, rules about hosts, and what was learnt of each endpoint. */
export class Registry {
  readonly endpoints: Endpoints;
  readonly realms: Realms;
  readonly transport: Transport;
  readonly options: ResolvedOptions;
  /** The root that answered last, by the first root of its endpoint. */
  readonly #answering = new Map<string, URL>();

  constructor(given: RegistryClientOptions, options: ResolvedOptions) {
    const rules = new HostRules(given.insecureRegistries ?? [], given.certificates ?? {});
    this.options = options;
    this.endpoints = new Endpoints(rules, given.mirrors ?? {});
    this.realms = new Realms(rules, given.realms ?? {});
    this.transport = new Transport(rules, options);
  }

  /** One request to one endpoint, authenticated if it asks for that. Any status is an answer. */
  async ask(endpoint: Endpoint, session: AuthSession, request: RegistryRequest): Promise<RegistryAnswer> {
    const { root, response, authorization } = await this.#reach(endpoint, session, request);
    const target = targetOf(root, endpoint, request);
    // A 401 of whom a redirect led to is none of the registry's: no secret goes there.
    if (response.status !== 401 || response.crossed) return { response, standing: session.standing(target) };
    const renewed = await session.answer(target, response.headerValues('www-authenticate'), authorization, request.signal);
    if (renewed === undefined) return { response, standing: session.standing(target) };
    await response.discard();
    const second = await this.#send(root, request, renewed);
    const standing = session.standing(target);
    // What was not good enough at once will not be so next time.
    if (second.status === 401) session.forget(target);
    return { response: second, standing };
  }

  async #reach(endpoint: Endpoint, session: AuthSession, request: RegistryRequest): Promise<{ root: URL; response: HttpResponse; authorization: string | undefined }> {
    const key = endpoint.roots[0].href;
    const known = this.#answering.get(key);
    let failure: GantryError | undefined;
    for (const root of known === undefined ? endpoint.roots : [known]) {
      const authorization = session.current(targetOf(root, endpoint, request));
      try {
        const response = await this.#send(root, request, authorization);
        this.#answering.set(key, root);
        return { root, response, authorization };
      } catch (error) {
        if (!isUnreached(error)) throw error;
        // The first reason tells more, unless it was that plain HTTP is what is spoken here.
        failure = failure === undefined || failure.code === 'tls-failed' ? error : failure;
      }
    }
    this.#answering.delete(key);
    throw failure ?? new GantryError('internal', 'no-endpoint', `no address is known for ${endpoint.host}`);
  }

  #send(root: URL, request: RegistryRequest, authorization: string | undefined): Promise<HttpResponse> {
    const { method, path, headers, signal } = request;
    return this.transport.send({ method, url: new URL(`v2/${path}`, root), headers, authorization, signal });
  }

  close(): void {
    this.transport.close();
  }
}

function targetOf(url: URL, endpoint: Endpoint, request: RegistryRequest): AuthTarget {
  return { host: endpoint.host, url, scope: request.scope };
}

/** No HTTP response came: another scheme may do better. */
function isUnreached(error: unknown): error is GantryError {
  return isGantryError(error) && (error.kind === 'unavailable' || error.kind === 'timeout') && !('status' in error.details);
}

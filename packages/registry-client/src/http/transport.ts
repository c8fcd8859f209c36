import type Http from 'node:http';
import type Https from 'node:https';
import { GantryError } from '@gantry/errors';
import type { ClientLog } from '../log.ts';
import type { ProxyOptions, ResolvedOptions } from '../options.ts';
import { aborted, clientClosed, connectionError, Stalled } from './connection-error.ts';
import type { HostRules } from './host-rules.ts';
import { HttpResponse } from './response.ts';

// Not by an ES import: that reads every export of node:http, and so loads all of fetch and WebSocket (55 ms of a start).
const http: typeof Http = process.getBuiltinModule('node:http');
const https: typeof Https = process.getBuiltinModule('node:https');

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A secret for the URL's origin, and for no other. */
  readonly authorization?: string | undefined;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** For logs: query and fragment of a redirect carry signatures, user info is a secret. */
export function redactUrl(url: URL): string {
  return url.origin + url.pathname;
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const maxRedirects = 5;

interface Agents {
  readonly http: Http.Agent;
  readonly https: Https.Agent;
}

function makeAgents(proxy: ProxyOptions | undefined): Agents {
  const { http: HTTP_PROXY, https: HTTPS_PROXY, except: NO_PROXY } = proxy ?? {};
  const options = { keepAlive: true, maxSockets: 16, maxFreeSockets: 4, ...(proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY, HTTPS_PROXY, NO_PROXY } }) };
  return { http: new http.Agent(options), https: new https.Agent(options) };
}

/**
 * HTTP/1.1 over `node:http` and `node:https`: redirects are ours to judge, certificates are chosen per host, bodies have
 * back-pressure, connections are kept and reused. No content coding is ever undone, so there is nothing to inflate.
 */
export class Transport {
  readonly #rules: HostRules;
  readonly #options: ResolvedOptions;
  readonly #log: ClientLog;
  readonly #direct: Agents = makeAgents(undefined);
  readonly #proxied: Agents;
  #isClosed = false;

  constructor(rules: HostRules, options: ResolvedOptions) {
    this.#rules = rules;
    this.#options = options;
    this.#log = options.log;
    this.#proxied = options.proxy === undefined ? this.#direct : makeAgents(options.proxy);
  }

  /**
   * One request with its redirects. The authorization goes to the first origin only: once a redirect leaves that, it is
   * gone for the rest of the chain, also where the chain comes back.
   * @throws GantryError aborted; timeout; unavailable with a code that says how the connection failed; forbidden `redirect-refused`.
   */
  async send(request: HttpRequest): Promise<HttpResponse> {
    let { url, authorization } = request;
    let crossed = false;
    for (let hop = 0; ; hop++) {
      const response = await this.#once({ ...request, url, authorization }, crossed);
      if (!redirects.has(response.status)) return response;
      await response.discard();
      if (hop === maxRedirects) throw this.#refuse(request.url, `more than ${maxRedirects} redirects`);
      const next = this.#nextHop(request, url, response.header('location'));
      if (next.origin !== url.origin) {
        crossed = true;
        authorization = undefined;
      }
      url = next;
    }
  }

  /** Ends all connections; there will be no others. */
  close(): void {
    this.#isClosed = true;
    for (const agents of new Set([this.#direct, this.#proxied])) {
      agents.http.destroy();
      agents.https.destroy();
    }
  }

  #nextHop(request: HttpRequest, from: URL, location: string | undefined): URL {
    const to = location === undefined ? null : URL.parse(location, from.href);
    if (to === null || (to.protocol !== 'https:' && to.protocol !== 'http:')) throw this.#refuse(from, 'its target is no HTTP URL');
    if (to.username !== '' || to.password !== '') throw this.#refuse(from, 'its target has a password in it');
    if (this.#rules.isDowngrade(from, to)) throw this.#refuse(from, `its target ${to.origin} is less safe than where it comes from`);
    if (request.method === 'POST') throw this.#refuse(from, 'a request with a body is not sent on');
    return to;
  }

  #refuse(from: URL, why: string): GantryError {
    return new GantryError('forbidden', 'redirect-refused', `a redirect from ${from.host} was not followed: ${why}`, { details: { host: from.host } });
  }

  async #once(request: HttpRequest, crossed: boolean): Promise<HttpResponse> {
    const { url, signal } = request;
    if (this.#isClosed) throw clientClosed();
    if (signal?.aborted === true) throw aborted(signal);
    const started = performance.now();
    const message = await this.#exchange(request);
    this.#log.debug({ method: request.method, url: redactUrl(url), status: message.statusCode, ms: Math.round(performance.now() - started) }, 'registry request');
    return new HttpResponse(message, { url, isHead: request.method === 'HEAD', crossed, idleMs: this.#options.timeouts.idleMs, signal });
  }

  #exchange(request: HttpRequest): Promise<Http.IncomingMessage> {
    const { url, signal } = request;
    const { connectMs, responseMs } = this.#options.timeouts;
    return new Promise((resolve, reject) => {
      const outgoing = this.#start(request);
      const giveUp = (ms: number): NodeJS.Timeout => setTimeout(() => outgoing.destroy(new Stalled(ms)), ms);
      let timer = giveUp(connectMs);
      const stop = (): unknown => outgoing.destroy();
      signal?.addEventListener('abort', stop, { once: true });
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
      };
      // Sent: the connection stands, what is left to wait for is the answer.
      outgoing.once('finish', () => {
        clearTimeout(timer);
        timer = giveUp(responseMs);
      });
      outgoing.once('response', (message) => {
        settle();
        resolve(message);
      });
      outgoing.on('error', (error) => {
        settle();
        reject(signal?.aborted === true ? aborted(signal) : connectionError(error, url, outgoing.socket));
      });
      outgoing.end(request.body);
    });
  }

  #start(request: HttpRequest): Http.ClientRequest {
    const { url, method, authorization } = request;
    const agents = this.#rules.isLoopback(url) ? this.#direct : this.#proxied;
    const headers = {
      'User-Agent': this.#options.userAgent,
      'Accept-Encoding': 'identity',
      ...request.headers,
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    };
    const common = { method, headers, ...(this.#options.lookup === undefined ? {} : { lookup: this.#options.lookup }) };
    if (url.protocol === 'http:') return http.request(url, { ...common, agent: agents.http });
    const { ca, cert, key, passphrase } = this.#rules.certificates(url.host) ?? {};
    const tls = { ca: typeof ca === 'object' ? [...ca] : ca, cert, key, passphrase, minVersion: 'TLSv1.2' as const, rejectUnauthorized: !this.#rules.isInsecure(url) };
    return https.request(url, { ...common, ...tls, agent: agents.https });
  }
}

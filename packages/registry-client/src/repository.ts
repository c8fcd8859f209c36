import { GantryError, isGantryError } from '@gantry/errors';
import { familiarName, familiarReference, type Digest, type Reference } from '@gantry/oci';
import type { AuthSession, Standing } from './auth/session.ts';
import type { Endpoint, Sources } from './http/endpoints.ts';
import { failureOf } from './http/failure.ts';
import type { Registry, RegistryAnswer, RegistryRequest } from './http/registry.ts';
import type { HttpResponse } from './http/response.ts';
import { withRetries, type OnRetry } from './http/retry.ts';

interface Ask {
  readonly method: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
}

/** One repository as one session sees it: its mirrors, then its registry. */
export class Repository {
  readonly ref: Reference;
  readonly #registry: Registry;
  readonly #session: AuthSession;
  readonly #sources: Sources;

  constructor(registry: Registry, session: AuthSession, ref: Reference, sources: Sources = registry.endpoints.of(ref.domain)) {
    this.ref = ref;
    this.#registry = registry;
    this.#session = session;
    this.#sources = sources;
  }

  /** The same repository without its mirrors; undefined: it has none. */
  withoutMirrors(): Repository | undefined {
    const { mirrors, upstream } = this.#sources;
    return mirrors.length === 0 ? undefined : new Repository(this.#registry, this.#session, this.ref, { mirrors: [], upstream });
  }

  /**
   * A manifest by tag or digest, as `use` reads it from the response. Tried again while it may help.
   * @throws GantryError notFound `manifest-unknown`, `repository-unknown`, `pull-access-denied`; forbidden
   * `pull-access-denied`; unauthenticated; exhausted `rate-limited`; unavailable; timeout; aborted.
   */
  async manifest<T>(which: string, ask: Ask, use: (response: HttpResponse) => Promise<T>): Promise<T> {
    return this.#fromAny(`manifests/${which}`, ask, (answer) => this.#use(answer, [200], 'manifest', use), true);
  }

  /**
   * Opens a blob, from `offset` on if it is given: status 200 (the whole), 206 (a part) or 416 (no such part). One try
   * for each endpoint; who reads it resumes.
   * @throws GantryError notFound `blob-unknown`; otherwise as `manifest()`.
   */
  async blob(digest: Digest, offset: number | undefined, signal: AbortSignal | undefined): Promise<HttpResponse> {
    const headers = { Accept: '*/*', ...(offset === undefined ? {} : { Range: `bytes=${offset}-` }) };
    const wanted = offset === undefined ? [200] : [200, 206, 416];
    return this.#fromAny(`blobs/${digest}`, { method: 'GET', headers, signal }, (answer) => this.#use(answer, wanted, 'blob', async (response) => response), false);
  }

  /** Mirrors get one try each, and any failure of theirs leads on; the registry itself decides. */
  async #fromAny<T>(path: string, ask: Ask, read: (answer: RegistryAnswer) => Promise<T>, retry: boolean): Promise<T> {
    const { path: name } = this.ref;
    const request: RegistryRequest = { method: ask.method, path: `${name}/${path}`, scope: `repository:${name}:pull`, headers: ask.headers ?? {}, signal: ask.signal };
    const tryOne = async (endpoint: Endpoint): Promise<T> => read(await this.#registry.ask(endpoint, this.#session, request));
    for (const mirror of this.#sources.mirrors) {
      try {
        return await tryOne(mirror);
      } catch (error) {
        if (!isGantryError(error) || error.kind === 'aborted') throw error;
        this.#registry.options.log.warn({ mirror: mirror.host, code: error.code, path: request.path }, 'a mirror failed');
      }
    }
    const { upstream } = this.#sources;
    if (!retry) return tryOne(upstream);
    const onRetry: OnRetry = ({ failures, delayMs, error }) =>
      this.#registry.options.log.warn({ host: upstream.host, path: request.path, code: error.code, failures, delayMs: Math.round(delayMs) }, 'a request failed, trying again');
    return withRetries(this.#registry.options.retries, { signal: ask.signal, onRetry }, () => tryOne(upstream));
  }

  async #use<T>({ response, standing }: RegistryAnswer, wanted: readonly number[], what: 'manifest' | 'blob', use: (response: HttpResponse) => Promise<T>): Promise<T> {
    if (wanted.includes(response.status)) return use(response);
    throw await failureOf(response, (status, said, problem) => {
      // Behind a redirect stands a store that speaks for itself, not for the registry: its links expire, for one.
      if (response.crossed) return new GantryError('unavailable', 'blob-host-failed', `${response.url.host}, where the registry keeps its data, answered with status ${status}`, { details: { status } });
      return this.#refused(status, said, problem.code, what, standing);
    });
  }

  /** In Docker's words, which people and programs know. */
  #refused(status: number, said: string, code: string, what: 'manifest' | 'blob', standing: Standing): GantryError {
    const { ref } = this;
    const name = familiarName(ref);
    const details = { reference: familiarReference(ref), status };
    if (status === 401 && standing === 'claimed') {
      return new GantryError('unauthenticated', 'login-failed', `${ref.domain} did not accept the credentials: log in again${said}`, { details });
    }
    if (status === 401 || status === 403) {
      // Registries do not tell strangers whether a repository exists: for them it does not.
      const kind = standing === 'anonymous' ? 'notFound' : 'forbidden';
      return new GantryError(kind, 'pull-access-denied', `pull access denied for ${name}, repository does not exist or may require 'docker login'${said}`, { details });
    }
    if (status === 404 && what === 'blob') return new GantryError('notFound', 'blob-unknown', `a part of ${familiarReference(ref)} is missing in the registry${said}`, { details });
    if (status === 404 && code === 'NAME_UNKNOWN') return new GantryError('notFound', 'repository-unknown', `repository ${name} not found${said}`, { details });
    if (status === 404) return new GantryError('notFound', 'manifest-unknown', `manifest for ${familiarReference(ref)} not found${said}`, { details });
    return new GantryError('unavailable', 'registry-failed', `the registry answered a request for ${familiarReference(ref)} with status ${status}${said}`, { details });
  }
}

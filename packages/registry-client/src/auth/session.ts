import { GantryError } from '@gantry/errors';
import { aborted } from '../http/connection-error.ts';
import type { Transport } from '../http/transport.ts';
import { parseChallenges } from './challenge.ts';
import { basicHeader, findCredentials, type CredentialSource } from './credentials.ts';
import type { Realms } from './realm.ts';
import { requestToken, type Token } from './token.ts';

/** Who is asked, and what for. */
export interface AuthTarget {
  /** The name that credentials go by: `docker.io`. */
  readonly host: string;
  /** Where the registry answers: secrets are bound to the origin of this. */
  readonly url: URL;
  /** `repository:library/debian:pull`. */
  readonly scope: string;
}

/** In whose name a request goes out: nobody's, a user's that the token server vouches for, or that of who says so. */
export type Standing = 'anonymous' | 'vouched' | 'claimed';

interface Entry extends Token {
  readonly standing: Standing;
}

/** A token this close to its end counts as ended. */
const marginMs = 5000;
/** Basic credentials are asked for anew after this, so that a logout takes effect. */
const basicMs = 60_000;
const maxEntries = 512;

/**
 * The authorization headers that one source of credentials has led to, by registry origin and scope. Two sources never
 * share a session, so that nobody is let in by another's token.
 */
export class AuthSession {
  readonly #transport: Transport;
  readonly #realms: Realms;
  readonly #source: CredentialSource | undefined;
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Map<string, Promise<Entry | undefined>>();

  constructor(transport: Transport, realms: Realms, source: CredentialSource | undefined) {
    this.#transport = transport;
    this.#realms = realms;
    this.#source = source;
  }

  /** The header that was good for this target before, while it lasts. Nothing is sent to a host that did not ask. */
  current(target: AuthTarget): string | undefined {
    return this.#live(keyOf(target))?.header;
  }

  /** Of requests to this target. */
  standing(target: AuthTarget): Standing {
    return this.#entries.get(keyOf(target))?.standing ?? 'anonymous';
  }

  forget(target: AuthTarget): void {
    this.#entries.delete(keyOf(target));
  }

  /**
   * Answers a 401. Concurrent callers share one answer.
   * @param rejected the header that the request had.
   * @returns a header that is worth another try; undefined: there is none.
   * @throws GantryError unauthenticated `login-failed`, `login-required`, `credentials-failed`; forbidden `realm-refused`,
   * `realm-not-trusted`; what reaching the token server throws.
   */
  async answer(target: AuthTarget, challenges: readonly string[], rejected: string | undefined, signal: AbortSignal | undefined): Promise<string | undefined> {
    const key = keyOf(target);
    const known = this.#live(key);
    // Another request has been through this meanwhile.
    if (known !== undefined && known.header !== rejected) return known.header;
    this.#entries.delete(key);
    // The work is shared, so one caller's signal must not end it; the deadlines of the transport do.
    const pending = this.#pending.get(key) ?? this.#authenticate(target, challenges).finally(() => this.#pending.delete(key));
    this.#pending.set(key, pending);
    const entry = await abortable(pending, signal);
    if (entry === undefined || entry.header === rejected) return undefined;
    if (this.#entries.size >= maxEntries) this.#entries.clear();
    this.#entries.set(key, entry);
    return entry.header;
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.expiresAt - marginMs > performance.now() ? entry : undefined;
  }

  async #authenticate(target: AuthTarget, values: readonly string[]): Promise<Entry | undefined> {
    const challenges = parseChallenges(values);
    const bearer = challenges.find((c) => c.scheme === 'bearer');
    const basic = challenges.find((c) => c.scheme === 'basic');
    if (bearer === undefined && basic === undefined) return undefined;
    const credentials = await findCredentials(this.#source, target.host);
    if (credentials !== undefined && 'registryToken' in credentials) {
      return { header: `Bearer ${credentials.registryToken}`, expiresAt: performance.now() + basicMs, standing: 'claimed' };
    }
    if (bearer !== undefined) {
      const realm = this.#realms.check(bearer.params.get('realm') ?? '', target, credentials !== undefined);
      const service = bearer.params.get('service');
      // The scope is ours: the one in the challenge could make the user's token good for more than what was asked for.
      const token = await requestToken(this.#transport, { realm, service, scope: target.scope, credentials, host: target.host, signal: undefined });
      return { ...token, standing: credentials === undefined ? 'anonymous' : 'vouched' };
    }
    if (credentials === undefined) return undefined;
    if (!('password' in credentials)) {
      throw new GantryError('unauthenticated', 'login-failed', `${target.host} takes a user name and a password, not a token: log in again`, { details: { host: target.host } });
    }
    return { header: basicHeader(credentials.username, credentials.password), expiresAt: performance.now() + basicMs, standing: 'claimed' };
  }
}

function keyOf(target: AuthTarget): string {
  return `${target.url.origin} ${target.scope}`;
}

/** Leaves the work alone and its waiter free. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(aborted(signal));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

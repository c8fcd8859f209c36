import type { LookupFunction } from 'node:net';
import { availableParallelism } from 'node:os';
import { GantryError } from '@gantry/errors';
import type { CredentialSource } from './auth/credentials.ts';
import { silent, type ClientLog } from './log.ts';

/** PEM texts for one host, as they stand in a folder `certs.d/<host>`: where they come from is the caller's business. */
export interface HostCertificates {
  /** Trusted for this host in place of the system's. Setting it holds a loopback host to verified TLS as well. */
  readonly ca?: string | readonly string[] | undefined;
  /** Client certificate and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly passphrase?: string | undefined;
}

/** Proxies by the scheme of what is asked for; user and password may stand in the URL. Loopback hosts are never proxied. */
export interface ProxyOptions {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  /** Hosts to reach directly, as `NO_PROXY` lists them. */
  readonly except?: string | undefined;
}

/** Milliseconds. */
export interface Timeouts {
  /** Until the connection stands and the request is sent. Default 10,000. */
  readonly connectMs: number;
  /** From then to the head of the response. Default 60,000. */
  readonly responseMs: number;
  /** For each further piece of a body. Default 60,000. */
  readonly idleMs: number;
}

export interface RetryPolicy {
  /** Tries in all. Default 5. A download that got on by 1 MiB since its last failure starts counting anew. */
  readonly attempts: number;
  /** Before the second try; doubles with each. Milliseconds, default 250. */
  readonly baseMs: number;
  /** Milliseconds, default 30,000. */
  readonly maxMs: number;
  /** The longest `Retry-After` to sit out. Milliseconds, default 60,000. */
  readonly maxRetryAfterMs: number;
}

/** Bytes. What is larger is refused with kind `exhausted`. */
export interface Limits {
  /** Default 4 MiB, what registries accept. */
  readonly manifestBytes: number;
  /** Of an image configuration. Default 8 MiB. */
  readonly configBytes: number;
  /** Of one layer, uncompressed. Default 64 GiB. */
  readonly layerBytes: number;
}

export interface RegistryClientOptions {
  /** Asked for the credentials of a host when that host demands some. Default: none. */
  readonly credentials?: CredentialSource | undefined;
  /**
   * Token servers that a host's credentials may be sent to, as origins (`https://auth.example.com`), by registry host.
   * The host's own origin, and the pairs of Docker Hub and gitlab.com, need no entry.
   */
  readonly realms?: Readonly<Record<string, readonly string[]>> | undefined;
  /** URLs of mirrors by registry host (`docker.io` for Docker Hub), tried in order before the registry itself. */
  readonly mirrors?: Readonly<Record<string, readonly string[]>> | undefined;
  /**
   * `host`, `host:port` or CIDR networks (matched against address literals only, never against what a name resolves to):
   * tried by HTTPS with any certificate, then by plain HTTP. Loopback hosts always are.
   */
  readonly insecureRegistries?: readonly string[] | undefined;
  /** By `host` or `host:port`. */
  readonly certificates?: Readonly<Record<string, HostCertificates>> | undefined;
  /** Default: none, the environment is not read. */
  readonly proxy?: ProxyOptions | undefined;
  /** Default `gantry`. */
  readonly userAgent?: string | undefined;
  readonly log?: ClientLog | undefined;
  /** Layers that download at once, over all pulls of this client. Default 3. */
  readonly maxConcurrentDownloads?: number | undefined;
  /** Threads that hash and inflate. Default: one less than the machine's processors, from 1 to 4. Started when needed. */
  readonly maxThreads?: number | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  readonly retries?: Partial<RetryPolicy> | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** In place of the system's resolver (`dns.lookup`). */
  readonly lookup?: LookupFunction | undefined;
}

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly userAgent: string;
  readonly log: ClientLog;
  readonly timeouts: Timeouts;
  readonly retries: RetryPolicy;
  readonly limits: Limits;
  readonly proxy: ProxyOptions | undefined;
  readonly lookup: LookupFunction | undefined;
  readonly maxConcurrentDownloads: number;
  readonly maxThreads: number;
}

/** @throws GantryError invalid `bad-option`. */
export function resolveOptions(o: RegistryClientOptions): ResolvedOptions {
  const { log = silent, userAgent = 'gantry', maxConcurrentDownloads = 3, maxThreads = Math.min(4, Math.max(1, availableParallelism() - 1)), proxy, lookup } = o;
  const timeouts = { connectMs: 10_000, responseMs: 60_000, idleMs: 60_000, ...o.timeouts };
  const retries = { attempts: 5, baseMs: 250, maxMs: 30_000, maxRetryAfterMs: 60_000, ...o.retries };
  const limits = { manifestBytes: 4 * 1024 ** 2, configBytes: 8 * 1024 ** 2, layerBytes: 64 * 1024 ** 3, ...o.limits };
  const { attempts, ...delays } = retries;
  atLeast(1, { maxConcurrentDownloads, maxThreads, attempts, ...timeouts, ...limits });
  atLeast(0, delays);
  if (!/^[\x20-\x7e]+$/.test(userAgent)) throw new GantryError('invalid', 'bad-option', 'the option userAgent may hold printable ASCII only');
  return { userAgent, log, proxy, lookup, maxConcurrentDownloads, maxThreads, timeouts, retries, limits };
}

function atLeast(least: number, options: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(options)) {
    // NaN is not at least anything.
    if (!(value >= least)) throw new GantryError('invalid', 'bad-option', `the option ${name} is ${value}: expected a number from ${least} on`);
  }
}

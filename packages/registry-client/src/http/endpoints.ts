import { GantryError } from '@gantry/errors';
import { quoted } from '@gantry/oci';
import { canonicalHost, hostUrl, type HostRules } from './host-rules.ts';

/** One place that serves a repository: a mirror, or the registry itself. */
export interface Endpoint {
  /** The name that credentials go by: the registry's as the reference has it, a mirror's as its URL has it. */
  readonly host: string;
  /** Roots to try in order, until one answers. */
  readonly roots: readonly [URL, ...URL[]];
}

/** Who may be asked for the images of one host. */
export interface Sources {
  /** In the order to try them. */
  readonly mirrors: readonly Endpoint[];
  /** The registry itself. */
  readonly upstream: Endpoint;
}

/** The name of Docker Hub in references, and the host that serves it. */
const hub = 'docker.io';
const hubHost = 'registry-1.docker.io';

/** Where the images of a reference's host are to be had. */
export class Endpoints {
  readonly #rules: HostRules;
  readonly #mirrors = new Map<string, readonly Endpoint[]>();

  /** @throws GantryError invalid `bad-mirror`, `bad-host`. */
  constructor(rules: HostRules, mirrors: Readonly<Record<string, readonly string[]>>) {
    this.#rules = rules;
    for (const [host, urls] of Object.entries(mirrors)) this.#mirrors.set(canonicalHost(host), urls.map(mirrorEndpoint));
  }

  /** @throws GantryError invalid `bad-host`. */
  of(domain: string): Sources {
    const canonical = canonicalHost(domain);
    const address = canonical === hub ? hubHost : domain;
    const secure = hostUrl('https', address);
    const roots: Endpoint['roots'] = this.#rules.isInsecure(secure) ? [secure, hostUrl('http', address)] : [secure];
    return { mirrors: this.#mirrors.get(canonical) ?? [], upstream: { host: domain, roots } };
  }
}

function mirrorEndpoint(text: string): Endpoint {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new GantryError('invalid', 'bad-mirror', `invalid mirror ${quoted(text)}: expected https://host or http://host, without user, path or query`);
  }
  return { host: url.host, roots: [url] };
}

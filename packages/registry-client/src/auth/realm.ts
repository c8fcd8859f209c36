import { GantryError } from '@gantry/errors';
import { quoted } from '@gantry/oci';
import { canonicalHost, type HostRules } from '../http/host-rules.ts';

/** Token servers that stand apart from their registry and are known to belong to it. */
const wellKnown: Readonly<Record<string, readonly string[]>> = {
  'docker.io': ['https://auth.docker.io'],
  'registry.gitlab.com': ['https://gitlab.com'],
};

/** Who may be asked for tokens, by registry. */
export class Realms {
  readonly #rules: HostRules;
  readonly #origins = new Map<string, ReadonlySet<string>>();

  /** @throws GantryError invalid `bad-option`: an entry is not the origin of an HTTP URL; `bad-host`. */
  constructor(rules: HostRules, configured: Readonly<Record<string, readonly string[]>>) {
    this.#rules = rules;
    for (const [host, origins] of [...Object.entries(wellKnown), ...Object.entries(configured)]) {
      const name = canonicalHost(host);
      this.#origins.set(name, new Set([...(this.#origins.get(name) ?? []), ...origins.map(originOf)]));
    }
  }

  /**
   * The URL of the token server that `registry` names. Anyone may be asked for an anonymous token, within what holds
   * for redirects; credentials go to the registry's own origin, or to one that the configuration trusts with them.
   * @throws GantryError forbidden `realm-refused`, `realm-not-trusted`.
   */
  check(realm: string, registry: { readonly host: string; readonly url: URL }, hasCredentials: boolean): URL {
    const { host } = registry;
    const details = { host, realm };
    const url = URL.parse(realm);
    if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '') {
      throw new GantryError('forbidden', 'realm-refused', `${host} names a token server that is no HTTP URL`, { details });
    }
    if (this.#rules.isDowngrade(registry.url, url)) {
      throw new GantryError('forbidden', 'realm-refused', `${host} names a token server that is less safe than itself: ${url.origin}`, { details });
    }
    if (hasCredentials && url.origin !== registry.url.origin && this.#origins.get(canonicalHost(host))?.has(url.origin) !== true) {
      throw new GantryError(
        'forbidden',
        'realm-not-trusted',
        `${host} asks to send your credentials to ${url.origin}; if that is its token server, add it to the trusted realms of ${host}`,
        { details },
      );
    }
    url.hash = '';
    return url;
  }
}

function originOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.pathname !== '/' || url.search !== '') {
    throw new GantryError('invalid', 'bad-option', `the trusted realm ${quoted(text)} is not an origin such as https://auth.example.com`);
  }
  return url.origin;
}

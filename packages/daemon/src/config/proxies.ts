import type { GantryError } from '@gantry/errors';

/** How registries are reached through proxies. User and password may stand in the URLs. */
export interface Proxies {
  readonly http?: string;
  readonly https?: string;
  /** Hosts to reach directly, separated by commas. */
  readonly except?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** As most programs read them: the name in capitals, else in small letters; an empty one says nothing. */
export function proxiesFromEnvironment(env: Environment): Proxies {
  const read = (name: string): string | undefined => [env[name], env[name.toLowerCase()]].find((value) => value !== undefined && value !== '');
  const [http, https, except] = [read('HTTP_PROXY'), read('HTTPS_PROXY'), read('NO_PROXY')];
  return { ...(http === undefined ? {} : { http }), ...(https === undefined ? {} : { https }), ...(except === undefined ? {} : { except }) };
}

const keys: Readonly<Record<string, keyof Proxies>> = { 'http-proxy': 'http', 'https-proxy': 'https', 'no-proxy': 'except' };

/** The key `proxies` of a configuration file. @throws GantryError what `fail` makes of it. */
export function parseProxies(value: unknown, fail: (why: string) => GantryError): Proxies {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail('expected an object');
  const proxies = Object.entries(value).map(([key, member]: [string, unknown]) => {
    const name = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (name === undefined) throw fail(`there is no ${JSON.stringify(key.slice(0, 64))} in it, only ${Object.keys(keys).join(', ')}`);
    if (typeof member !== 'string') throw fail(`expected a string for ${key}`);
    if (name !== 'except' && !['http:', 'https:'].includes(URL.parse(member)?.protocol ?? '')) throw fail(`expected http:// or https:// for ${key}`);
    return [name, member] as const;
  });
  return Object.fromEntries(proxies);
}

/** Without what opens it: what may be shown to whoever asks. */
export function withoutSecret(url: string | undefined): string {
  if (url === undefined) return '';
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.username === '' && parsed.password === '')) return url;
  parsed.username = 'xxxxx';
  parsed.password = 'xxxxx';
  return parsed.href;
}

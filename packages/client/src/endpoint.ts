import { GantryError } from '@gantry/errors';

/** Where an engine listens. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** The socket of a system-wide engine, where nothing else is configured. */
export const defaultSocket = '/run/gantry/gantry.sock';

const bad = (text: string, why: string): GantryError =>
  new GantryError('invalid', 'bad-host', `invalid host ${JSON.stringify(text)}: ${why}`, { details: { host: text } });

/**
 * Reads a host as Docker's clients write it: `unix:///path`, `tcp://host:port`, `http://host:port`.
 * @throws GantryError invalid `bad-host`.
 */
export function parseEndpoint(text: string): Endpoint {
  const colon = text.indexOf('://');
  if (colon < 0) throw bad(text, 'expected unix:///path or tcp://host:port');
  const [scheme, rest] = [text.slice(0, colon), text.slice(colon + 3)];
  if (scheme === 'unix') {
    if (!rest.startsWith('/')) throw bad(text, 'a unix socket needs an absolute path, as in unix:///run/gantry/gantry.sock');
    return { kind: 'unix', path: rest };
  }
  if (scheme === 'tcp' || scheme === 'http') {
    let url: URL;
    try {
      // Not http:, whose default port a URL would drop from `host:80`.
      url = new URL(`tcp://${rest}`);
    } catch (cause) {
      throw new GantryError('invalid', 'bad-host', `invalid host ${JSON.stringify(text)}: expected ${scheme}://host:port`, { cause });
    }
    if (url.hostname === '' || (url.pathname !== '/' && url.pathname !== '')) throw bad(text, `expected ${scheme}://host:port`);
    return { kind: 'tcp', host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 2375 : Number(url.port) };
  }
  throw bad(text, `the scheme ${JSON.stringify(scheme)} is not known; expected unix or tcp`);
}

export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return `unix://${endpoint.path}`;
  return `tcp://${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;
}

/** Which engine a user means: an explicit host, then `GANTRY_HOST`, then `DOCKER_HOST`, then the default socket. */
export function chooseHost(explicit: string | undefined, env: Readonly<Record<string, string | undefined>>): { readonly host: string; readonly from: 'flag' | 'GANTRY_HOST' | 'DOCKER_HOST' | 'default' } {
  if (explicit !== undefined && explicit !== '') return { host: explicit, from: 'flag' };
  for (const from of ['GANTRY_HOST', 'DOCKER_HOST'] as const) {
    const host = env[from];
    if (host !== undefined && host !== '') return { host, from };
  }
  return { host: `unix://${defaultSocket}`, from: 'default' };
}

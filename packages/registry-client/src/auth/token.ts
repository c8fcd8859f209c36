import { GantryError } from '@gantry/errors';
import { failureOf } from '../http/failure.ts';
import type { Transport } from '../http/transport.ts';
import { basicHeader, type Credentials } from './credentials.ts';

export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scope: string;
  /** Undefined: an anonymous token. */
  readonly credentials: Exclude<Credentials, { readonly registryToken: string }> | undefined;
  /** The registry that the token is for, in messages. */
  readonly host: string;
  readonly signal: AbortSignal | undefined;
}

export interface Token {
  readonly header: string;
  /** On the clock of `performance.now()`. */
  readonly expiresAt: number;
}

const maxTokenResponse = 256 * 1024;
const clientId = 'gantry';
/** The lifetime where the answer names none (distribution spec, "Token Authentication"). */
const defaultSeconds = 60;
const maxSeconds = 24 * 3600;

/**
 * Gets a bearer token: GET with basic authentication or none, or POST with a refresh token.
 * @throws GantryError unauthenticated `login-failed`, unavailable `token-server-failed`, and what `Transport.send` throws.
 */
export async function requestToken(transport: Transport, request: TokenRequest): Promise<Token> {
  const { credentials, host } = request;
  const response = await (credentials !== undefined && 'identityToken' in credentials ? post(transport, request, credentials.identityToken) : get(transport, request, credentials));
  if (response.status !== 200) {
    throw await failureOf(response, (status, said) => {
      if (status === 401 || status === 403 || status === 400) {
        return credentials === undefined
          ? new GantryError('unauthenticated', 'login-required', `${host} grants nothing to anonymous clients: log in first${said}`, { details: { host } })
          : new GantryError('unauthenticated', 'login-failed', `${host} did not accept the credentials: log in again${said}`, { details: { host } });
      }
      return new GantryError('unavailable', 'token-server-failed', `the token server of ${host} answered with status ${status}${said}`, { details: { host, status } });
    });
  }
  return readToken(await response.bytes(maxTokenResponse), host);
}

function get(transport: Transport, r: TokenRequest, basic: { readonly username: string; readonly password: string } | undefined): ReturnType<Transport['send']> {
  const url = new URL(r.realm);
  if (r.service !== undefined) url.searchParams.set('service', r.service);
  url.searchParams.set('scope', r.scope);
  if (basic !== undefined) url.searchParams.set('account', basic.username);
  const authorization = basic === undefined ? undefined : basicHeader(basic.username, basic.password);
  return transport.send({ method: 'GET', url, headers: { Accept: 'application/json' }, authorization, signal: r.signal });
}

function post(transport: Transport, r: TokenRequest, refreshToken: string): ReturnType<Transport['send']> {
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId, scope: r.scope });
  if (r.service !== undefined) form.set('service', r.service);
  const body = form.toString();
  const headers = { Accept: 'application/json', 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': String(Buffer.byteLength(body)) };
  return transport.send({ method: 'POST', url: r.realm, headers, body, signal: r.signal });
}

function readToken(bytes: Buffer, host: string): Token {
  const bad = (why: string, cause?: unknown): GantryError =>
    new GantryError('unavailable', 'token-server-failed', `the token server of ${host} answered with ${why}`, { details: { host }, ...(cause === undefined ? {} : { cause }) });
  let answer: unknown;
  try {
    answer = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw bad('something that is not JSON', cause);
  }
  if (typeof answer !== 'object' || answer === null) throw bad('something that is not an object');
  const { token, access_token: accessToken, expires_in: expiresIn } = answer as Partial<Record<'token' | 'access_token' | 'expires_in', unknown>>;
  const value = typeof token === 'string' && token !== '' ? token : accessToken;
  // RFC 6750's b64token: nothing that could end the header it is put into.
  if (typeof value !== 'string' || !/^[\w~+/.-]+=*$/.test(value)) throw bad('no usable token');
  const seconds = typeof expiresIn === 'number' && expiresIn >= 0 ? Math.min(expiresIn, maxSeconds) : defaultSeconds;
  return { header: `Bearer ${value}`, expiresAt: performance.now() + seconds * 1000 };
}

import { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';
import { GantryError } from '@gantry/errors';

/** Thrown by our own timers, to be told apart from what the network did. */
export class Stalled extends Error {
  readonly seconds: number;

  constructor(ms: number) {
    super('stalled');
    this.seconds = ms / 1000;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The signal's end of a call, as everything here reports it. */
export function aborted(signal: AbortSignal): GantryError {
  return new GantryError('aborted', 'aborted', 'The operation was aborted', { cause: signal.reason });
}

/** The end of the client, for the calls that it cuts off. */
export function clientClosed(): GantryError {
  return new GantryError('unavailable', 'client-closed', 'the registry client was closed');
}

/** What a failure of the connection to `url` means for the caller. */
export function connectionError(error: unknown, url: URL, socket: Socket | null): GantryError {
  const code = codeOf(error);
  const make = (kind: 'unavailable' | 'timeout', name: string, message: string): GantryError =>
    new GantryError(kind, name, message, { cause: error, details: { host: url.host, ...(code === '' ? {} : { errno: code }) } });
  if (error instanceof Stalled) return make('timeout', 'connection-timeout', `${url.host} did not answer within ${error.seconds} s`);
  if (code === 'ECONNREFUSED') return make('unavailable', 'connection-refused', `nothing listens at ${url.origin}: is the registry running there, and is the address right?`);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return make('unavailable', 'host-not-found', `cannot find the host ${url.hostname}: check the name, and the DNS of this machine`);
  // Set by Node where the peer's certificate is what ended the connection. Its type says Error, its value is a code.
  const refused: unknown = socket instanceof TLSSocket ? socket.authorizationError : undefined;
  if (refused !== undefined && refused !== null) {
    return make('unavailable', 'tls-certificate', `the certificate of ${url.host} is not trusted (${code}): configure its CA for this host, or list the host among the insecure registries`);
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    return make('unavailable', 'tls-failed', `${url.host} does not speak HTTPS: if it serves plain HTTP on purpose, list it among the insecure registries`);
  }
  if (code.startsWith('HPE_')) return make('unavailable', 'bad-http', `${url.host} answered with something that is not HTTP`);
  return make('unavailable', 'connection-lost', `the connection to ${url.host} was lost${code === '' ? '' : ` (${code})`}`);
}

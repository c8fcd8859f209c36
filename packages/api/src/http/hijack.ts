import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Connections that were taken from the HTTP parser, with what it had already read of the stream behind the request. */
const taken = new WeakSet<Duplex>();

export const isHijacked = (socket: Duplex): boolean => taken.has(socket);

function head(status: string, headers: Readonly<Record<string, string>>): string {
  return `HTTP/1.1 ${status}\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** Answers an upgrade: 101, and the socket is a raw stream. */
export function acceptUpgrade(socket: Duplex, headers: Readonly<Record<string, string>>): Duplex {
  socket.write(head('101 UPGRADED', { ...headers, Connection: 'Upgrade', Upgrade: 'tcp' }));
  return socket;
}

/**
 * Answers without an upgrade: 200 without a length, and the socket is a raw stream from there on, in both directions.
 * The server's parser lets go of a socket as soon as somebody else listens for its data.
 */
export function takeOver(socket: Socket, res: ServerResponse, headers: Readonly<Record<string, string>>): Duplex {
  if (socket.destroyed) return socket; // the client is gone
  res.detachSocket(socket);
  for (const event of ['data', 'end', 'drain', 'error', 'timeout']) socket.removeAllListeners(event);
  socket.setTimeout(0);
  taken.add(socket);
  socket.write(head('200 OK', { ...headers, Connection: 'close' }));
  return socket;
}

/** How long a client may leave its side open once the stream has ended. */
const lingering = 5_000;

/** Closes a connection so that what was written arrives: end, read on, and only then destroy. */
export function closeGently(connection: Duplex): void {
  connection.end();
  connection.resume();
  const timer = setTimeout(() => connection.destroy(), lingering).unref();
  connection.once('close', () => clearTimeout(timer));
}

/** Runs `serve` on a raw stream, then closes it. The stream may be gone already: `serve` then lets go of what it holds. */
export async function serveConnection(connection: Duplex, serve: (connection: Duplex) => Promise<void>): Promise<void> {
  // A client that vanishes is an ordinary end: `serve` sees `close`.
  connection.on('error', () => connection.destroy());
  try {
    await serve(connection);
  } finally {
    closeGently(connection);
  }
}

import { GantryError } from '@gantry/errors';
import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { BodySource } from './body.ts';

function readable(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ['readable', 'end', 'close']) socket.off(event, done);
      resolve();
    };
    for (const event of ['readable', 'end', 'close']) socket.on(event, done);
  });
}

/**
 * The body of a request that asks for an upgrade: the parser stops at its head, so the body is the first
 * `Content-Length` bytes of the raw stream; what follows stays in the stream.
 */
export async function* upgradeBody(headers: IncomingHttpHeaders, socket: Duplex): BodySource {
  if (headers['transfer-encoding'] !== undefined) {
    throw new GantryError('invalid', 'bad-body', 'a request with Upgrade needs a Content-Length, not a Transfer-Encoding');
  }
  let left = Number(headers['content-length'] ?? 0);
  while (left > 0) {
    if (socket.readableLength === 0) {
      if (socket.readableEnded || socket.destroyed) throw new GantryError('invalid', 'bad-body', 'the request body ended early');
      await readable(socket);
      continue;
    }
    const chunk: unknown = socket.read(Math.min(left, socket.readableLength));
    if (!Buffer.isBuffer(chunk)) continue;
    left -= chunk.length;
    yield chunk;
  }
}

import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import type { PlainReply } from './reply.ts';

/** Resolves when more may be written, or nobody reads any more. */
export function drained(target: Writable): Promise<void> {
  if (target.destroyed || !target.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      target.off('drain', done).off('close', done);
      resolve();
    };
    target.on('drain', done).on('close', done);
  });
}

function sendBody(res: ServerResponse, status: number, contentType: string, body: string): void {
  const bytes = Buffer.from(body);
  res.writeHead(status, { 'Content-Type': contentType, 'Content-Length': bytes.length });
  res.end(bytes);
}

/** A backend's iterable ends by the request's signal; writing merely stops when nobody reads. */
async function sendStream(res: ServerResponse, contentType: string, chunks: AsyncIterable<Uint8Array | string>): Promise<void> {
  res.writeHead(200, { 'Content-Type': contentType });
  res.flushHeaders();
  for await (const chunk of chunks) {
    if (res.destroyed) return;
    if (!res.write(chunk)) await drained(res);
  }
  res.end();
}

/** Writes a reply that is not a hijack. Rejects with what a stream's source throws; the head is out by then. */
export async function send(res: ServerResponse, reply: PlainReply): Promise<void> {
  switch (reply.kind) {
    case 'json':
      sendBody(res, reply.status, 'application/json', `${JSON.stringify(reply.body)}\n`);
      return;
    case 'empty':
      res.writeHead(reply.status, reply.status === 204 || reply.status === 304 ? {} : { 'Content-Length': 0 });
      res.end();
      return;
    case 'text':
      for (const [name, value] of Object.entries(reply.headers)) res.setHeader(name, value);
      sendBody(res, 200, 'text/plain; charset=utf-8', reply.text);
      return;
    case 'stream':
      return sendStream(res, reply.contentType, reply.chunks);
  }
}

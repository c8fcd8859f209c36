import type { Duplex } from 'node:stream';

/** An answer within HTTP. */
export type PlainReply =
  | { readonly kind: 'json'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'empty'; readonly status: number }
  | { readonly kind: 'text'; readonly text: string; readonly headers: Readonly<Record<string, string>> }
  /** The head goes out at once, the chunks as they come. Ending early (the client left) calls `return()`. */
  | { readonly kind: 'stream'; readonly contentType: string; readonly chunks: AsyncIterable<Uint8Array | string> };

/** What a handler answers. */
export type Reply =
  | PlainReply
  /** The connection becomes a raw stream, which `serve` owns; it is closed when that settles. */
  | { readonly kind: 'hijack'; readonly contentType: string; readonly serve: (connection: Duplex) => Promise<void> };

export const json = (body: unknown, status = 200): PlainReply => ({ kind: 'json', status, body });

export const empty = (status: number): PlainReply => ({ kind: 'empty', status });

export const rawStream = 'application/vnd.docker.raw-stream';
export const multiplexedStream = 'application/vnd.docker.multiplexed-stream';

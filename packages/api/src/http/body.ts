import { GantryError } from '@gantry/errors';
import type { IncomingHttpHeaders } from 'node:http';
import { parseJson, type Json } from './json.ts';

/** A request of the API with a JSON body is a few kilobytes; a seccomp profile in it some fifty. */
const maxBytes = 1024 * 1024;

/** How long a client may take to send that. */
const timeout = 30_000;

const tooLarge = (): GantryError =>
  new GantryError('invalid', 'body-too-large', `the request body is larger than ${maxBytes} bytes`, { details: { maxBytes } });

/** Where a body comes from: a request, or the start of a stream that was upgraded. */
export type BodySource = AsyncIterable<Buffer>;

async function collect(source: BodySource): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws GantryError invalid `body-too-large`; timeout `slow-body`. */
async function readBody(headers: IncomingHttpHeaders, source: BodySource): Promise<Buffer> {
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const slow = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => slow.reject(new GantryError('timeout', 'slow-body', `the request body did not arrive within ${timeout / 1000} seconds`)),
    timeout,
  );
  try {
    return await Promise.race([collect(source), slow.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * The media type alone decides, whatever its case, spaces or parameters: a page in a browser cannot send this one to
 * another origin without asking first.
 */
function requireJson(headers: IncomingHttpHeaders): void {
  const given = headers['content-type'] ?? '';
  const type = (given.split(';')[0] ?? '').trim().toLowerCase();
  if (type === 'application/json') return;
  throw new GantryError('invalid', 'bad-content-type', `Content-Type specified (${given}) must be 'application/json'`, { details: { given } });
}

/**
 * The JSON of a request; undefined when it has no body.
 * @throws GantryError invalid `bad-content-type`, `bad-json`, `body-too-large`; timeout `slow-body`.
 */
export async function readJson(headers: IncomingHttpHeaders, source: BodySource): Promise<Json | undefined> {
  if (!hasBody(headers)) return undefined;
  requireJson(headers);
  const body = await readBody(headers, source);
  if (body.length === 0) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new GantryError('invalid', 'bad-json', 'invalid JSON in the request: it is not UTF-8', { cause });
  }
  return parseJson(text);
}

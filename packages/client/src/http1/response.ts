import { GantryError } from '@gantry/errors';
import type { Connection } from './connection.ts';

const maxHead = 64 << 10;
const maxLine = 8 << 10;

export interface Head {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case; of a repeated header the last value. */
  readonly headers: ReadonlyMap<string, string>;
}

const malformed = (what: string): GantryError => new GantryError('unavailable', 'bad-response', `The engine sent a malformed response: ${what}`);

/** RFC 9112, sections 2 to 5. Interim responses (1xx but 101) are skipped. */
export async function readHead(connection: Connection): Promise<Head> {
  for (;;) {
    const head = parseHead(await readUntil(connection, '\r\n\r\n', maxHead));
    if (head.status >= 200 || head.status === 101) return head;
  }
}

function parseHead(text: string): Head {
  const [first = '', ...lines] = text.split('\r\n');
  const match = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(first);
  if (match === null) throw malformed('no status line');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw malformed('a header without a colon');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(match[1]), reason: match[2] ?? '', headers };
}

async function readUntil(connection: Connection, end: string, most: number): Promise<string> {
  for (;;) {
    const at = connection.buffered.indexOf(end, most);
    if (at >= 0) {
      const text = connection.buffered.take(at).toString('latin1');
      connection.buffered.take(end.length);
      return text;
    }
    if (connection.buffered.length >= most) throw malformed('a head without end');
    if (!(await connection.more())) throw connection.lost(undefined);
  }
}

/**
 * The body as it arrives (RFC 9112, section 6). `done(true)` once it was read whole and the connection can serve another
 * request; `done(false)` when it cannot.
 */
export async function* readBody(connection: Connection, head: Head, method: string, done: (reusable: boolean) => void): AsyncGenerator<Buffer, void, undefined> {
  let whole = false;
  const keepAlive = head.headers.get('connection')?.toLowerCase() !== 'close';
  try {
    if (method === 'HEAD' || head.status === 204 || head.status === 304) {
      whole = true;
    } else if (head.headers.get('transfer-encoding')?.toLowerCase() === 'chunked') {
      yield* chunked(connection);
      whole = true;
    } else {
      const length = head.headers.get('content-length');
      if (length === undefined) {
        yield* untilClose(connection);
      } else {
        yield* exactly(connection, contentLength(length));
        whole = true;
      }
    }
  } finally {
    done(whole && keepAlive);
  }
}

function contentLength(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw malformed('a bad Content-Length');
  return Number(text);
}

async function* exactly(connection: Connection, length: number): AsyncGenerator<Buffer, void, undefined> {
  for (let left = length; left > 0; ) {
    if (connection.buffered.length === 0 && !(await connection.more())) throw connection.lost(undefined);
    const chunk = connection.buffered.takeSome(left);
    left -= chunk.length;
    yield chunk;
  }
}

async function* chunked(connection: Connection): AsyncGenerator<Buffer, void, undefined> {
  for (;;) {
    const line = await readUntil(connection, '\r\n', maxLine);
    const size = /^([0-9a-fA-F]{1,8})(?:;.*)?$/.exec(line)?.[1];
    if (size === undefined) throw malformed('a bad chunk size');
    const length = parseInt(size, 16);
    if (length === 0) break;
    yield* exactly(connection, length);
    if ((await readUntil(connection, '\r\n', maxLine)) !== '') throw malformed('a chunk longer than its size');
  }
  while ((await readUntil(connection, '\r\n', maxLine)) !== '') {
    // Trailers say nothing that a client of this API needs.
  }
}

async function* untilClose(connection: Connection): AsyncGenerator<Buffer, void, undefined> {
  do {
    if (connection.buffered.length > 0) yield connection.buffered.takeAll();
  } while (await connection.more());
}

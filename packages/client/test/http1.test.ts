import { createServer, type Server, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Transport } from '../src/http1/transport.ts';

let dir: string;
let server: Server;
let sockets: Socket[];
let transport: Transport;
/** What the peer does with each request head that it reads. */
let answer: (head: string, socket: Socket) => void;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-test-client-'));
  sockets = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        answer(head, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(join(dir, 's'), resolve));
  transport = new Transport({ kind: 'unix', path: join(dir, 's') });
});

afterEach(async () => {
  transport.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true });
});

async function text(body: AsyncIterable<Buffer>): Promise<string> {
  let out = '';
  for await (const chunk of body) out += chunk.toString();
  return out;
}

const get = (path = '/') => transport.request({ method: 'GET', path });

describe('responses', () => {
  it('reads a body by its length, and uses the connection again', async () => {
    answer = (_, socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello');
    for (let i = 0; i < 3; i++) {
      const response = await get();
      expect([response.status, response.headers.get('x-a'), await text(response.body)]).toEqual([200, 'b', 'hello']);
    }
    expect(sockets).toHaveLength(1);
  });

  it.each([1, 2, 3, 7, 1000])('reads chunks that arrive in pieces of %i bytes', async (size) => {
    const wire = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n';
    answer = (_, socket) => {
      const send = (at: number): void => {
        if (at >= wire.length) return;
        socket.write(wire.slice(at, at + size));
        setImmediate(() => send(at + size));
      };
      send(0);
    };
    expect(await text((await get()).body)).toBe('abcd0123456789');
    expect(await text((await get()).body)).toBe('abcd0123456789');
    expect(sockets).toHaveLength(1);
  });

  it('reads until the end where nothing says the length', async () => {
    answer = (_, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nrest');
    expect(await text((await get()).body)).toBe('rest');
    expect(await text((await get()).body)).toBe('rest');
    expect(sockets).toHaveLength(2);
  });

  it('opens a connection for each call in flight', async () => {
    const waiting: Socket[] = [];
    answer = (_, socket) => {
      waiting.push(socket);
      if (waiting.length === 2) for (const s of waiting) s.write('HTTP/1.1 204 No Content\r\n\r\n');
    };
    const responses = await Promise.all([get('/a'), get('/b')]);
    expect(responses.map((r) => r.status)).toEqual([204, 204]);
  });

  it.each([
    ['no HTTP at all', 'nonsense\r\n\r\n'],
    ['a header without a colon', 'HTTP/1.1 200 OK\r\nbad\r\n\r\n'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
    ['a chunk size that is none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`],
  ])('refuses %s', async (_, wire) => {
    answer = (_head, socket) => socket.write(wire);
    await expect(get().then((r) => text(r.body))).rejects.toMatchObject({ kind: 'unavailable', code: 'bad-response' });
  });

  it('tells a connection that breaks inside the body', async () => {
    answer = (_, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf');
    await expect(get().then((r) => text(r.body))).rejects.toMatchObject({ code: 'connection-lost' });
  });
});

describe('requests', () => {
  it('sends a body of unknown length in chunks', async () => {
    let seen = '';
    answer = (head, socket) => {
      if (head.startsWith('POST')) {
        seen = head;
        return;
      }
      seen += head;
      if (head.endsWith('0')) socket.write('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n');
    };
    const body = (async function* () {
      yield Buffer.from('abc');
      yield Buffer.from('defgh');
    })();
    const response = await transport.request({ method: 'POST', path: '/x', body });
    expect(response.status).toBe(201);
    expect(seen).toContain('transfer-encoding: chunked');
    expect(seen).toContain('3\r\nabc\r\n5\r\ndefgh\r\n0');
  });

  it('cannot be split by a header value', async () => {
    answer = () => undefined;
    await expect(transport.request({ method: 'GET', path: '/', headers: { a: 'b\r\nc: d' } })).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('ends when its signal fires, before and inside the body', async () => {
    answer = (head, socket) => {
      if (head.includes('/late')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf');
    };
    const early = AbortSignal.timeout(30);
    await expect(transport.request({ method: 'GET', path: '/never', signal: early })).rejects.toMatchObject({ kind: 'aborted' });
    const late = AbortSignal.timeout(30);
    const response = await transport.request({ method: 'GET', path: '/late', signal: late });
    await expect(text(response.body)).rejects.toMatchObject({ kind: 'aborted' });
  });

  it('says where nobody listens', async () => {
    const nobody = new Transport({ kind: 'unix', path: join(dir, 'nobody') });
    await expect(nobody.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ kind: 'unavailable', code: 'cannot-connect', message: expect.stringContaining(join(dir, 'nobody')) as string });
  });
});

it('gives one chance to start an engine where none listens', async () => {
  answer = (_, socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n');
  await new Promise((resolve) => server.close(resolve));
  let calls = 0;
  const patient = new Transport({ kind: 'unix', path: join(dir, 's') }, async () => {
    calls++;
    await new Promise<void>((resolve) => server.listen(join(dir, 's'), resolve));
  });
  expect((await patient.request({ method: 'GET', path: '/' })).status).toBe(204);
  patient.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  await expect(patient.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ code: 'cannot-connect' });
  expect(calls).toBe(1);
  await new Promise<void>((resolve) => server.listen(join(dir, 's'), resolve));
});

describe('hijack', () => {
  it('hands the connection over, with what came behind the head', async () => {
    answer = (head, socket) => {
      expect(head).toContain('upgrade: tcp');
      socket.write('HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nfirst');
      socket.on('end', () => socket.end('last'));
    };
    const result = await transport.hijack({ method: 'POST', path: '/attach' });
    if (!('hijacked' in result)) throw new Error('expected a stream');
    const { connection } = result.hijacked;
    connection.end();
    let seen = '';
    do seen += connection.buffered.takeAll().toString();
    while (await connection.more());
    expect(seen).toBe('firstlast');
  });

  it('gives an ordinary answer as a response', async () => {
    answer = (_, socket) => socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}');
    const result = await transport.hijack({ method: 'POST', path: '/attach' });
    if (!('response' in result)) throw new Error('expected a response');
    expect([result.response.status, await text(result.response.body)]).toEqual([404, '{}']);
  });
});

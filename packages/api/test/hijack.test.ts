import { GantryError } from '@gantry/errors';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { AttachedStreams } from '../src/index.ts';
import { receive, startServer } from './support/server.ts';

type Piece = { readonly fd: 1 | 2; readonly data: Uint8Array };

/** A process that a test plays: what it wrote is put, what it was sent is read. */
class Process implements AttachedStreams {
  readonly terminal: boolean;
  readonly stdin?: WritableStream<Uint8Array>;
  readonly output: ReadableStream<Piece>;
  received = '';
  stdinClosed = false;
  disposed = 0;
  private sink!: ReadableStreamDefaultController<Piece>;

  constructor(o: { readonly terminal?: boolean; readonly stdin?: boolean } = {}) {
    this.terminal = o.terminal ?? false;
    if (o.stdin === true) {
      this.stdin = new WritableStream({
        write: (chunk) => {
          this.received += Buffer.from(chunk).toString();
        },
        close: () => {
          this.stdinClosed = true;
        },
      });
    }
    this.output = new ReadableStream<Piece>({ start: (controller) => void (this.sink = controller) });
  }

  put(fd: 1 | 2, text: string): void {
    this.sink.enqueue({ fd, data: Buffer.from(text) });
  }

  end(): void {
    this.sink.close();
  }

  fail(error: unknown): void {
    this.sink.error(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed++;
    try {
      this.sink.close();
    } catch {
      // closed before
    }
  }
}

const until = async (what: () => boolean): Promise<void> => {
  for (let i = 0; i < 200 && !what(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(what()).toBe(true);
};

const ended = async (socket: Socket): Promise<void> => {
  if (!socket.readableEnded) await once(socket, 'end');
  socket.destroy();
};

const head = (text: string): boolean => text.includes('\r\n\r\n');
const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4);
const attachRequest = (version: string, extra = ''): string => `POST /v${version}/containers/x/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: d\r\n${extra}\r\n`;
const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';

async function attached(process: Process): Promise<AsyncDisposable & { open(request: string): Socket }> {
  const server = await startServer({ containers: { attach: async () => process }, exec: { start: async () => process } });
  return {
    open(request) {
      const socket = server.raw();
      socket.on('error', () => undefined);
      socket.write(request);
      return socket;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe.each([
  ['an upgrade', upgrade, 'HTTP/1.1 101 UPGRADED'],
  ['the plain way', 'Content-Length: 0\r\n', 'HTTP/1.1 200 OK'],
])('attach by %s', (_name, extra, status) => {
  test('carries both directions, with a half-close', async () => {
    const process = new Process({ stdin: true });
    await using api = await attached(process);
    const socket = api.open(attachRequest('1.44', extra));
    const start = await receive(socket, head);
    expect(start.startsWith(`${status}\r\n`)).toBe(true);
    expect(start).toContain('Content-Type: application/vnd.docker.multiplexed-stream\r\n');
    expect(start).toContain('Api-Version: 1.56\r\n');
    socket.write('one ');
    await until(() => process.received === 'one ');
    socket.end('two');
    await until(() => process.stdinClosed);
    expect(process.received).toBe('one two');
    const rest = receive(socket);
    process.put(1, 'out');
    process.put(2, 'err!');
    process.end();
    expect(await rest).toBe('\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x04err!');
    await until(() => process.disposed > 0);
  });

  test('a terminal is raw', async () => {
    const process = new Process({ terminal: true });
    await using api = await attached(process);
    const socket = api.open(attachRequest('1.44', extra));
    process.put(1, 'raw bytes');
    process.end();
    const text = await receive(socket);
    expect(text).toContain('Content-Type: application/vnd.docker.raw-stream\r\n');
    expect(bodyOf(text)).toBe('raw bytes');
    socket.destroy();
  });

  test('a client that closes its side without stdin still gets the output, as docker run has it', async () => {
    const process = new Process();
    await using api = await attached(process);
    const socket = api.open(attachRequest('1.41', extra));
    expect(await receive(socket, head)).toContain('application/vnd.docker.raw-stream');
    socket.end();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const rest = receive(socket);
    process.put(1, 'late');
    process.end();
    expect(await rest).toContain('late');
  });

  test('a client that vanishes lets go of the process', async () => {
    const process = new Process({ stdin: true });
    await using api = await attached(process);
    const socket = api.open(attachRequest('1.44', extra));
    await receive(socket, head);
    socket.destroy();
    // It may have closed only its side: the first output tells.
    await until(() => {
      if (process.disposed === 0) process.put(1, 'x');
      return process.disposed > 0;
    });
  });

  test('a slow reader stalls the process and costs no memory', async () => {
    const process = new Process();
    let taken = 0;
    const piece = { fd: 1 as const, data: Buffer.alloc(64 * 1024) };
    const output = (async function* () {
      for (; taken < 4096; taken++) yield piece;
    })();
    await using server = await startServer({
      containers: { attach: async () => ({ terminal: false, output, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() }) },
    });
    const socket = server.raw();
    socket.pause();
    socket.write(attachRequest('1.44', extra));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(taken).toBeLessThan(64);
    socket.destroy();
    await until(() => process.disposed > 0);
  });

  test('an error in the stream is told on the third stream', async () => {
    const process = new Process();
    await using api = await attached(process);
    const socket = api.open(attachRequest('1.44', extra));
    await receive(socket, head);
    const rest = receive(socket);
    process.fail(new GantryError('exhausted', 'too-slow', 'cut off'));
    expect(await rest).toBe('\x03\0\0\0\0\0\0\x08cut off\n');
  });

  test('an error before it is plain', async () => {
    await using server = await startServer({
      containers: {
        attach: async () => {
          throw new GantryError('notFound', 'no-such-container', 'No such container: x');
        },
      },
    });
    const socket = server.raw();
    socket.write(attachRequest('1.44', extra));
    const text = await receive(socket, (t) => t.includes('}'));
    expect(text).toMatch(/^HTTP\/1.1 404 Not Found\r\n[^]*"message":"No such container: x"/);
    socket.destroy();
  });
});

describe('exec', () => {
  const body = '{"Detach":false,"Tty":false}';

  test.each([true, false])('start reads its body before the stream (upgrade: %s)', async (up) => {
    const process = new Process({ stdin: true });
    await using api = await attached(process);
    // All in one piece, with the first input behind the body where a client may send it at once.
    const socket = api.open(
      `POST /v1.44/exec/x/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${up ? upgrade : ''}\r\n${body}${up ? 'early' : ''}`,
    );
    expect(await receive(socket, head)).toContain(up ? '101 UPGRADED' : '200 OK');
    if (!up) socket.write('early');
    await until(() => process.received === 'early');
    process.end();
    await ended(socket);
  });

  test('start reads a body that comes in pieces', async () => {
    const process = new Process();
    await using api = await attached(process);
    const socket = api.open(`POST /v1.44/exec/x/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${upgrade}\r\n`);
    for (const char of body) {
      socket.write(char);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await receive(socket, head)).toContain('101 UPGRADED');
    process.end();
    await ended(socket);
  });

  test('an upgrade with a chunked body is refused', async () => {
    await using api = await attached(new Process());
    const socket = api.open(`POST /v1.44/exec/x/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n${upgrade}\r\n2\r\n{}\r\n0\r\n\r\n`);
    expect(await receive(socket, (t) => t.includes('}'))).toContain('400 Bad Request');
    socket.destroy();
  });

  test('detached is a plain answer', async () => {
    await using server = await startServer({ exec: { start: async (_id, o) => (o.detach ? null : new Process()) } });
    expect(await server.call('POST', '/exec/x/start', { body: { Detach: true } })).toMatchObject({ status: 200, body: '' });
  });

  test('create needs a command', async () => {
    await using server = await startServer({ exec: { create: async (_id, request) => request.Cmd.join(' ') } });
    expect(await server.call('POST', '/containers/x/exec', { body: { Cmd: ['echo', 'yo'], AttachStdout: true } })).toMatchObject({ status: 201, json: { Id: 'echo yo' } });
    expect(await server.call('POST', '/containers/x/exec', { body: {} })).toMatchObject({ status: 400, json: { message: 'No exec command specified: Cmd is required' } });
    expect(await server.call('POST', '/containers/x/exec', { body: { Cmd: 'x' } })).toMatchObject({ status: 400, json: { code: 'bad-field' } });
  });
});

test('a second request on a socket that became a stream is no request', async () => {
  const process = new Process({ stdin: true });
  await using api = await attached(process);
  const socket = api.open(attachRequest('1.44', 'Content-Length: 0\r\n'));
  await receive(socket, head);
  socket.write('DELETE /containers/x HTTP/1.1\r\nHost: d\r\n\r\n');
  await until(() => process.received.startsWith('DELETE'));
  process.end();
  await ended(socket);
});

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { version } from './support/samples.ts';
import { receive, startServer } from './support/server.ts';

test('a head that trickles in is cut off, and stops nobody else', async () => {
  await using server = await startServer({ system: { version: async () => version } }, { headersTimeout: 500, connectionsCheckingInterval: 100 });
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  const slow: Socket[] = Array.from({ length: 300 }, () => server.raw());
  const closed = slow.map((socket) => new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve).resume()));
  for (const socket of slow) socket.write('GET /version HTTP/1.1\r\nHost: d\r\nX-Slow: ');
  const drip = setInterval(() => {
    for (const socket of slow) if (socket.writable) socket.write('x');
  }, 50);
  const answers = await Promise.all(Array.from({ length: 20 }, () => server.call('GET', '/version')));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  await Promise.all(closed);
  clearInterval(drip);
  lag.disable();
  expect(lag.max / 1e6).toBeLessThan(500);
});

test('a head of more than 64 KiB is refused', async () => {
  await using server = await startServer();
  const socket = server.raw();
  socket.on('error', () => undefined);
  socket.write(`GET /version HTTP/1.1\r\nHost: d\r\nX-Big: ${'x'.repeat(100_000)}\r\n\r\n`);
  expect(await receive(socket)).toContain('HTTP/1.1 4');
  socket.destroy();
});

test('no more sockets than allowed', async () => {
  await using server = await startServer({ system: { version: async () => version } }, { maxConnections: 3 });
  const idle = [server.raw(), server.raw(), server.raw()];
  await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  const answer = await server.call('GET', '/version').catch((error: unknown) => error);
  expect(answer).toBeInstanceOf(Error);
  for (const socket of idle) socket.destroy();
});

test('chunk extensions without an end cost nothing', async () => {
  await using server = await startServer();
  const socket = server.raw();
  socket.on('error', () => undefined);
  socket.write('POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;');
  const extension = 'x'.repeat(16 * 1024);
  const answer = receive(socket);
  let sent = 0;
  for (; sent < 64 && !socket.readableEnded && !socket.destroyed; sent++) {
    socket.write(extension);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // The parser gives up after some kilobytes; the client may see that as an answer or as a broken pipe.
  expect(sent).toBeLessThan(8);
  expect(await answer).toMatch(/^$|^HTTP\/1.1 4/);
  socket.destroy();
});

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrameConnection, maxFrameLength } from '../src/index.ts';
import { failure } from './support/plan.ts';

let dir: string;
let server: Server;
let peer: Promise<Socket>;
let path: string;

beforeEach(async () => {
  dir = mkdtempSync('/tmp/gantry-test-frames-');
  path = join(dir, 's');
  server = createServer();
  peer = new Promise((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(path, resolve));
});

afterEach(async () => {
  (await Promise.race([peer, sleep(0)]))?.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true, force: true });
});

function frame(type: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.byteLength + 1, 0);
  head[4] = type;
  return Buffer.concat([head, payload]);
}

describe('a connection of frames', () => {
  it('brings frames of every size through, whatever pieces they come in', async () => {
    await using connection = await FrameConnection.connect(path);
    const socket = await peer;
    const sent = [0, 1, 5, 100, 4096, 65536, 300_000, maxFrameLength - 1, 0, 3].map((length, i) => ({ type: i, payload: Buffer.alloc(length, i) }));
    const bytes = Buffer.concat(sent.map(({ type, payload }) => frame(type, payload)));
    void (async () => {
      for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7 + 3) % 100_000 || 1) {
        if (!socket.write(bytes.subarray(at, at + size))) await new Promise((resolve) => socket.once('drain', resolve));
        if (size < 10) await sleep(1);
      }
      socket.end();
    })();
    const received = [];
    for await (const { type, payload } of connection) received.push({ type, payload: Buffer.from(payload) });
    expect(received.length).toBe(sent.length);
    expect(received.every(({ type, payload }, i) => type === sent[i]?.type && payload.equals(sent[i].payload))).toBe(true);
  });

  it('sends frames in the order of the calls, with back-pressure', async () => {
    await using connection = await FrameConnection.connect(path);
    const socket = await peer;
    const payload = Buffer.alloc(200_000, 'x');
    let settled = 0;
    const sending = Array.from({ length: 30 }, (_, i) => connection.send(i, payload).then(() => (settled += 1)));
    await sleep(50);
    // Nobody reads yet: most of it waits, and tells so.
    expect(settled).toBeLessThan(30);
    let length = 0;
    socket.on('data', (chunk: Buffer) => (length += chunk.length));
    const ended = new Promise((resolve) => socket.once('end', resolve));
    await Promise.all(sending);
    await connection.close();
    await ended;
    expect(length).toBe(30 * 200_005);
  });

  it('makes a peer wait whose frames nobody takes', async () => {
    await using connection = await FrameConnection.connect(path);
    const socket = await peer;
    const bytes = frame(1, Buffer.alloc(100_000));
    let written = 0;
    let waiting = false;
    void (async () => {
      while (written < 100 && !socket.destroyed) {
        written += 1;
        if (!socket.write(bytes)) {
          waiting = true;
          await new Promise((resolve) => socket.once('drain', resolve));
          waiting = false;
        }
      }
    })();
    await sleep(100);
    expect(waiting).toBe(true);
    expect(written).toBeLessThan(50);
    for (let i = 0; i < 100; i++) expect((await connection.receive())?.payload.byteLength).toBe(100_000);
    expect(written).toBe(100);
  });

  it('tells an end within a frame, and a length that cannot be, from an end in good order', async () => {
    for (const [bytes, expected] of [
      [[0, 0, 0, 9, 1, 2], { kind: 'unavailable', code: 'native-lost' }],
      [[0, 0], { kind: 'unavailable', code: 'native-lost' }],
      [[0, 0, 0, 0, 0], { kind: 'internal', code: 'native-protocol' }],
      [[0, 0x10, 0, 1, 0], { kind: 'internal', code: 'native-protocol' }],
    ] as const) {
      peer = new Promise((resolve) => server.once('connection', resolve));
      await using connection = await FrameConnection.connect(path);
      (await peer).end(Buffer.from(bytes));
      expect(await failure(connection.receive())).toMatchObject(expected);
      // And again.
      expect(await failure(connection.receive())).toMatchObject(expected);
    }
    peer = new Promise((resolve) => server.once('connection', resolve));
    await using connection = await FrameConnection.connect(path);
    (await peer).end(frame(3, Buffer.from('last')));
    expect(await connection.receive()).toMatchObject({ type: 3 });
    expect(await connection.receive()).toBeUndefined();
  });

  it('refuses what cannot be sent', async () => {
    const connection = await FrameConnection.connect(path);
    await peer;
    expect(await failure(connection.send(1, Buffer.alloc(maxFrameLength)))).toMatchObject({ kind: 'invalid', code: 'frame-too-long' });
    await connection.close();
    await connection.close();
    expect(await failure(connection.send(1, Buffer.from('x')))).toMatchObject({ kind: 'unavailable', code: 'native-lost' });
    expect(await failure(FrameConnection.connect(join(dir, 'absent')))).toMatchObject({ kind: 'notFound', code: 'native-not-listening' });
    expect(await failure(FrameConnection.connect(join(dir, 'x'.repeat(120))))).toMatchObject({ kind: 'invalid', code: 'socket-path-too-long' });
  });

  it('closes although the peer reads nothing', async () => {
    const connection = await FrameConnection.connect(path);
    await peer;
    const sending = failure(Promise.all(Array.from({ length: 40 }, () => connection.send(1, Buffer.alloc(500_000)))));
    const begun = Date.now();
    await connection.close();
    expect(Date.now() - begun).toBeLessThan(5000);
    expect(await sending).toMatchObject({ code: 'native-lost' });
  });
});

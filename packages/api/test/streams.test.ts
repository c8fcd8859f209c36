import { GantryError } from '@gantry/errors';
import type { JSONMessage } from '@gantry/api-types';
import { describe, expect, test } from 'vitest';
import type { EventRecord, EventsQuery, LogLine, LogsQuery, PullCall } from '../src/index.ts';
import { receive, startServer } from './support/server.ts';

const until = async (what: () => boolean): Promise<void> => {
  for (let i = 0; i < 200 && !what(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(what()).toBe(true);
};

async function* messages(...items: readonly (JSONMessage | Error)[]): AsyncGenerator<JSONMessage, void, undefined> {
  for (const item of items) {
    if (item instanceof Error) throw item;
    yield item;
  }
}

const lines = (text: string): readonly unknown[] => text.trimEnd().split('\r\n').map((l): unknown => JSON.parse(l));

describe('pull', () => {
  const missing = new GantryError('notFound', 'manifest-unknown', 'manifest for x:1 not found');

  test('streams progress and ends', async () => {
    let seen: PullCall | undefined;
    await using server = await startServer({
      images: {
        pull: (call) => {
          seen = call;
          return messages({ status: 'Pulling from debian', id: '12' }, { status: 'Downloading', id: 'aa', progressDetail: { current: 1, total: 4 } }, { status: 'Digest: sha256:x' });
        },
      },
    });
    const auth = Buffer.from('{"username":"u","password":"p"}').toString('base64url');
    const answer = await server.call('POST', '/v1.44/images/create?fromImage=127.0.0.1%3A5000%2Fdebian&tag=12&platform=linux%2Farm64', { headers: { 'X-Registry-Auth': auth } });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(lines(answer.body)).toEqual([
      { status: 'Pulling from debian', id: '12' },
      { status: 'Downloading', id: 'aa', progressDetail: { current: 1, total: 4 }, progress: expect.stringContaining('1B/4B') as string },
      { status: 'Digest: sha256:x' },
    ]);
    expect(seen).toMatchObject({ reference: '127.0.0.1:5000/debian:12', platform: 'linux/arm64', auth: { username: 'u', password: 'p' } });
  });

  test('fails by a status before the first message, by a line after it', async () => {
    await using server = await startServer({ images: { pull: (call) => (call.reference === 'early' ? messages(missing) : messages({ status: 'x' }, missing)) } });
    expect(await server.call('POST', '/images/create?fromImage=early')).toMatchObject({ status: 404, json: { message: 'manifest for x:1 not found' } });
    const late = await server.call('POST', '/images/create?fromImage=late');
    expect(late.status).toBe(200);
    expect(lines(late.body)).toEqual([{ status: 'x' }, { errorDetail: { code: 404, message: missing.message }, error: missing.message }]);
  });

  test('a digest joins by @', async () => {
    const references: string[] = [];
    await using server = await startServer({
      images: {
        pull: (call) => {
          references.push(call.reference);
          return messages();
        },
      },
    });
    await server.call('POST', '/images/create?fromImage=a&tag=sha256:00');
    await server.call('POST', '/images/create?fromImage=a');
    expect(references).toEqual(['a@sha256:00', 'a']);
  });

  test('ends when the client leaves', async () => {
    let signal: AbortSignal | undefined;
    await using server = await startServer({
      images: {
        pull: async function* (call) {
          ({ signal } = call);
          yield { status: 'x' };
          await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
          throw new GantryError('aborted', 'aborted', 'aborted');
        },
      },
    });
    const socket = server.raw();
    socket.write('POST /images/create?fromImage=a HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n');
    await receive(socket, (t) => t.includes('status'));
    socket.destroy();
    await until(() => signal?.aborted === true);
    expect(server.logged.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test.each([
    ['e30=', undefined, 200],
    ['', undefined, 200],
    ['!!', 'bad-registry-auth', 400],
    ['bm90IGpzb24=', 'bad-registry-auth', 400],
    [Buffer.from('{"username":1}').toString('base64'), 'bad-registry-auth', 400],
  ])('X-Registry-Auth %j', async (header, code, status) => {
    await using server = await startServer({ images: { pull: () => messages() } });
    const answer = await server.call('POST', '/images/create?fromImage=a', { headers: { 'X-Registry-Auth': header } });
    expect(answer.status).toBe(status);
    if (code !== undefined) expect(answer.json).toMatchObject({ code });
  });

  test('needs a name, and says what it cannot do', async () => {
    await using server = await startServer();
    expect(await server.call('POST', '/images/create')).toMatchObject({ status: 400, json: { message: 'invalid query parameter "fromImage": it is required' } });
    expect(await server.call('POST', '/images/create?fromSrc=-')).toMatchObject({ status: 501 });
  });
});

describe('wait', () => {
  test('sends its head once the container is watched, and the answer when it comes', async () => {
    const exit = Promise.withResolvers<{ StatusCode: number }>();
    let watch: (() => void) | undefined;
    await using server = await startServer({
      containers: {
        wait: (_id, { onWaiting }) => {
          watch = onWaiting;
          return exit.promise;
        },
      },
    });
    const socket = server.raw();
    socket.write('POST /v1.41/containers/x/wait?condition=removed HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n');
    let early = '';
    socket.on('data', (chunk: Buffer) => (early += chunk.toString()));
    await until(() => watch !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(early).toBe('');
    watch?.();
    await until(() => early.includes('\r\n\r\n'));
    expect(early).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*Transfer-Encoding: chunked/);
    exit.resolve({ StatusCode: 3 });
    await until(() => early.endsWith('0\r\n\r\n'));
    expect(early).toContain('{"StatusCode":3}');
    socket.destroy();
  });

  test('an unknown container is a 404, a failure later a part of the answer', async () => {
    await using server = await startServer({
      containers: {
        wait: async (id, { onWaiting }) => {
          if (id === 'nope') throw new GantryError('notFound', 'no-such-container', 'No such container: nope');
          onWaiting();
          await Promise.resolve();
          throw new GantryError('internal', 'x', 'it broke');
        },
      },
    });
    expect(await server.call('POST', '/containers/nope/wait')).toMatchObject({ status: 404 });
    expect(await server.call('POST', '/containers/x/wait')).toMatchObject({ status: 200, json: { StatusCode: -1, Error: { Message: 'it broke' } } });
  });

  test('a condition that is none', async () => {
    await using server = await startServer({ containers: { wait: async (_id, { condition }) => ({ StatusCode: condition === 'not-running' ? 0 : 1 }) } });
    expect(await server.call('POST', '/containers/x/wait?condition=x')).toMatchObject({ status: 400, json: { code: 'bad-parameter' } });
    expect(await server.call('POST', '/v1.29/containers/x/wait?condition=x')).toMatchObject({ status: 200, json: { StatusCode: 0 } });
    expect(await server.call('POST', '/v1.30/containers/x/wait?condition=next-exit')).toMatchObject({ json: { StatusCode: 1 } });
  });
});

describe('logs', () => {
  const entries: readonly LogLine[] = [
    { at: '2026-11-25T01:17:31.000000001Z', fd: 1, data: Buffer.from('one\n') },
    { at: '2026-11-25T01:17:32.000000002Z', fd: 2, data: Buffer.from('two\n') },
  ];
  async function* all(): AsyncGenerator<LogLine, void, undefined> {
    yield* entries;
  }

  test('framed, with times', async () => {
    let seen: LogsQuery | undefined;
    await using server = await startServer({
      containers: {
        logs: async (_id, query) => {
          seen = query;
          return { terminal: false, lines: all() };
        },
      },
    });
    const answer = await server.call('GET', '/v1.44/containers/x/logs?stdout=1&stderr=1&timestamps=1&tail=2&since=1795569454.072174027&until=2026-11-25T01:17:34.5Z');
    expect(answer.body).toBe('\x01\0\0\0\0\0\0\x232026-11-25T01:17:31.000000001Z one\n\x02\0\0\0\0\0\0\x232026-11-25T01:17:32.000000002Z two\n');
    expect(answer.headers['content-type']).toBe('application/vnd.docker.multiplexed-stream');
    expect(seen).toMatchObject({ stdout: true, stderr: true, follow: false, tail: 2, since: 1_795_569_454_072_174_027n, until: 1_795_569_454_500_000_000n });
  });

  test.each([
    [true, '1.44', 'one\ntwo\n', 'application/vnd.docker.raw-stream'],
    [false, '1.41', '\x01\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x04two\n', 'application/vnd.docker.raw-stream'],
  ])('terminal %s at %s', async (terminal, version, body, type) => {
    await using server = await startServer({ containers: { logs: async () => ({ terminal, lines: all() }) } });
    const answer = await server.call('GET', `/v${version}/containers/x/logs?stdout=1&tail=all`);
    expect([answer.body, answer.headers['content-type']]).toEqual([body, type]);
  });

  test('an error on the way: told on the third stream, and the answer has no proper end', async () => {
    const broken = (async function* () {
      yield* entries.slice(0, 1);
      throw new GantryError('dataLoss', 'bad-log', 'the log is damaged');
    })();
    await using server = await startServer({ containers: { logs: async () => ({ terminal: false, lines: broken }) } });
    const socket = server.raw();
    socket.write('GET /containers/x/logs?stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n');
    const text = await receive(socket);
    expect(text).toContain('\x03\0\0\0\0\0\0\x13the log is damaged\n');
    expect(text.endsWith('0\r\n\r\n')).toBe(false);
  });

  test.each([
    ['', 'Bad parameters: you must choose at least one stream'],
    ['stdout=0', 'Bad parameters: you must choose at least one stream'],
    ['stdout=1&tail=x', 'invalid query parameter "tail": expected a whole number, got "x"'],
    ['stdout=1&since=yesterday', 'invalid query parameter "since": expected seconds of Unix time or an RFC 3339 time, got "yesterday"'],
  ])('refuses %j', async (query, message) => {
    await using server = await startServer();
    expect(await server.call('GET', `/containers/x/logs?${query}`)).toMatchObject({ status: 400, json: { message } });
  });
});

describe('events', () => {
  test('their head goes out before the first one, and they end with the client', async () => {
    let query: EventsQuery | undefined;
    let ended = false;
    await using server = await startServer({
      system: {
        events: async (q) => {
          query = q;
          return (async function* (): AsyncGenerator<EventRecord, void, undefined> {
            await new Promise((resolve) => q.signal.addEventListener('abort', resolve));
            ended = true;
            yield* [];
          })();
        },
      },
    });
    const socket = server.raw();
    const filters = encodeURIComponent('{"type":["container"],"label":{"a=b":true,"c":false}}');
    socket.write(`GET /v1.41/events?since=1795569454&filters=${filters} HTTP/1.1\r\nHost: d\r\n\r\n`);
    expect(await receive(socket, (t) => t.includes('\r\n\r\n'))).toContain('200 OK');
    expect(query?.since).toBe(1_795_569_454_000_000_000n);
    expect([...(query?.filters ?? [])]).toEqual([['type', ['container']], ['label', ['a=b']]]);
    socket.destroy();
    await until(() => ended);
  });

  test.each([
    ['filters=x', 'bad-json'],
    ['filters=[]', 'bad-parameter'],
    ['filters={"nonsense":["x"]}', 'bad-filter'],
    ['filters={"type":[1]}', 'bad-parameter'],
    ['filters={"type":"x"}', 'bad-parameter'],
    ['since=x', 'bad-parameter'],
    ['until=2026-13-45T00:00:00Z', 'bad-parameter'],
  ])('refuses %s', async (query, code) => {
    await using server = await startServer();
    expect(await server.call('GET', `/events?${encodeURI(query)}`)).toMatchObject({ status: 400, json: { code } });
  });
});

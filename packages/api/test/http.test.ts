import { GantryError } from '@gantry/errors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { info, version } from './support/samples.ts';
import { receive, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    system: { version: async () => version, info: async () => info },
    containers: {
      start: async (id) => {
        if (id === 'running') throw new GantryError('notModified', 'already-started', 'container already started');
        if (id === 'nope') throw new GantryError('notFound', 'no-such-container', `No such container: ${id}`);
        if (id === 'bug') throw new TypeError('x is undefined');
      },
      remove: async () => {
        throw new GantryError('conflict', 'container-running', 'stop the container before removing it, or force it');
      },
    },
  });
});
afterAll(() => server[Symbol.asyncDispose]());

describe('versions', () => {
  test.each(['/version', '/v1.24/version', '/v1.41/version', '/v1.56/version', '/v1.41.0/version'])('%s is served', async (url) => {
    const answer = await server.call('GET', url);
    expect([answer.status, answer.headers['api-version']]).toEqual([200, '1.56']);
  });

  // In dockerd's words; clients read them.
  test.each([
    ['/v1.23/version', 'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version'],
    ['/v1.5/version', 'client version 1.5 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version'],
    ['/v1/version', 'client version 1 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version'],
    ['/v1.57/version', 'client version 1.57 is too new. Maximum supported API version is 1.56'],
    ['/v2.0/version', 'client version 2.0 is too new. Maximum supported API version is 1.56'],
    ['/v99999.1/version', 'client version 99999.1 is too new. Maximum supported API version is 1.56'],
  ])('%s is refused', async (url, message) => {
    const answer = await server.call('GET', url);
    expect([answer.status, (answer.json as { message: string }).message]).toEqual([400, message]);
    expect(answer.headers['api-version']).toBe('1.56');
  });
});

describe('ping', () => {
  const headers = {
    'api-version': '1.56', 'builder-version': '2', 'cache-control': 'no-cache, no-store, must-revalidate', 'content-type': 'text/plain; charset=utf-8',
    'docker-experimental': 'false', ostype: 'linux', pragma: 'no-cache', server: 'Gantry/0.1.0 (linux)', swarm: 'inactive',
  };

  test('GET', async () => {
    const answer = await server.call('GET', '/_ping');
    expect(answer).toMatchObject({ status: 200, body: 'OK', headers: { ...headers, 'content-length': '2' } });
  });

  test('HEAD', async () => {
    const answer = await server.call('HEAD', '/v1.41/_ping');
    expect(answer).toMatchObject({ status: 200, body: '', headers: { ...headers, 'content-length': '0' } });
  });
});

test('OPTIONS of anything is fine', async () => {
  expect(await server.call('OPTIONS', '/any/thing')).toMatchObject({ status: 200, body: '', headers: { 'content-length': '0' } });
});

describe('errors', () => {
  test('404 has the message and our code', async () => {
    const answer = await server.call('POST', '/containers/nope/start');
    expect([answer.status, answer.json]).toEqual([404, { message: 'No such container: nope', code: 'no-such-container' }]);
    expect(answer.headers['content-type']).toBe('application/json');
  });

  test('304 has no body', async () => {
    expect(await server.call('POST', '/containers/running/start')).toMatchObject({ status: 304, body: '' });
  });

  test('409', async () => {
    expect(await server.call('DELETE', '/containers/x')).toMatchObject({ status: 409, json: { code: 'container-running' } });
  });

  test('a defect is a 500, and logged with its stack', async () => {
    expect(await server.call('POST', '/containers/bug/start')).toMatchObject({ status: 500, json: { code: 'unexpected' } });
    expect(server.logged.find(({ level }) => level === 'error')?.fields).toMatchObject({ stack: expect.stringContaining('TypeError: x is undefined') as string });
  });

  test('204 has neither body nor length', async () => {
    const answer = await server.call('POST', '/containers/x/start');
    expect([answer.status, answer.body, answer.headers['content-length']]).toEqual([204, '', undefined]);
  });

  test('a malformed percent encoding', async () => {
    expect(await server.call('GET', '/containers/%zz/json')).toMatchObject({ status: 400, json: { code: 'bad-path' } });
  });
});

test('the absolute form of a request line', async () => {
  const socket = server.raw();
  socket.end('GET http://d/version HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n');
  expect(await receive(socket)).toContain('HTTP/1.1 200 OK');
});

test('an upgrade that means nothing here is answered plainly', async () => {
  const socket = server.raw();
  socket.write('GET /version HTTP/1.1\r\nHost: d\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n');
  const text = await receive(socket);
  expect(text).toContain('HTTP/1.1 200 OK');
  expect(text).toContain('"ApiVersion":"1.56"');
  socket.destroy();
});

test('what is no HTTP gets a 400', async () => {
  const socket = server.raw();
  socket.write('hello\r\n\r\n');
  expect(await receive(socket)).toMatch(/^HTTP\/1.1 400 Bad Request\r\n[^]*malformed HTTP request/);
  socket.destroy();
});

test('what is no HTTP behind a request that is not answered yet is not answered into it', async () => {
  const began = Promise.withResolvers<undefined>();
  const end = Promise.withResolvers<undefined>();
  await using slow = await startServer({
    containers: {
      start: async () => {
        began.resolve(undefined);
        await end.promise;
      },
    },
  });
  const socket = slow.raw();
  socket.write('POST /containers/x/start HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\nnonsense\r\n\r\n');
  const text = receive(socket);
  await began.promise;
  end.resolve(undefined);
  expect(await text).toBe('');
  socket.destroy();
});

test('what would be done to more, or from somewhere else, than was asked is refused', async () => {
  for (const [method, url] of [['DELETE', '/images/x?platforms=%7B%7D'], ['POST', '/containers/x/start?checkpoint=c']] as const) {
    expect(await server.call(method, url)).toMatchObject({ status: 501, json: { code: 'not-implemented' } });
  }
});

describe('places that are always empty', () => {
  test.each([['GET', '/plugins', 200, []]])('%s %s', async (method, url, status, body) => {
    expect(await server.call(method, url)).toMatchObject({ status, json: body });
  });

  test.each(['/swarm', '/services', '/nodes', '/tasks', '/secrets', '/configs', '/nodes/x', '/swarm/unlockkey'])('GET %s says there is no swarm', async (url) => {
    const answer = await server.call('GET', url);
    expect(answer.status).toBe(503);
    expect((answer.json as { message: string }).message).toBe(
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  });

  test('nothing can be left', async () => {
    expect(await server.call('POST', '/swarm/leave')).toMatchObject({ status: 503, json: { message: 'This node is not part of a swarm' } });
  });
});

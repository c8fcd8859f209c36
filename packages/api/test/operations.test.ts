import { hasDocument, openApi } from '../../api-types/test/support/openapi.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from './support/server.ts';

/** What each documented operation answers, as `METHOD /path`. */
const operations = hasDocument
  ? Object.entries(openApi().paths).flatMap(([path, methods]) =>
      Object.keys(methods).filter((m) => m !== 'parameters').map((m) => [m.toUpperCase(), path] as const),
    )
  : [];

describe.skipIf(!hasDocument)('every documented operation is known here', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('there are over a hundred', () => {
    expect(operations.length).toBeGreaterThan(100);
  });

  test.each(operations)('%s %s', async (method, path) => {
    const answer = await server.call(method, path.replaceAll(/\{\w+\}/g, 'x'));
    expect(answer.body).not.toContain('page not found');
    // A body of HEAD is never seen; its status tells enough.
    if (method === 'HEAD') expect(answer.status).not.toBe(404);
    else if (answer.status === 501) expect(answer.json).toMatchObject({ code: 'not-implemented', message: expect.stringMatching(/^This version of Gantry cannot /) as string });
  });
});

test('what no version had is not found', async () => {
  await using server = await startServer();
  for (const [method, url] of [['GET', '/nope'], ['PUT', '/version'], ['GET', '/v1.41/nope'], ['GET', '/v1.99/nope'], ['GET', '/'], ['GET', '/vx/version']] as const) {
    const answer = await server.call(method, url);
    expect([answer.status, answer.json]).toEqual([404, { message: 'page not found', code: 'page-not-found' }]);
  }
});

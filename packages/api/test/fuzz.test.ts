import { GantryError } from '@gantry/errors';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { container, containerSummary, image, imageSummary, info, network, version } from './support/samples.ts';
import { startServer, type TestServer } from './support/server.ts';

const nothing = async function* (): AsyncGenerator<never, void, undefined> {
  yield* [];
};
const done = async (): Promise<void> => undefined;
const absent = async (): Promise<never> => {
  throw new GantryError('notFound', 'absent', 'absent');
};

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    system: { version: async () => version, info: async () => info, events: async () => nothing(), drivers: async () => [] },
    images: { list: async () => [imageSummary], pull: () => nothing(), inspect: async () => image, history: async () => [], remove: async () => [], tag: done },
    containers: {
      list: async () => [containerSummary], create: async () => ({ Id: 'x', Warnings: [] }), inspect: async () => container, start: done, stop: done, restart: done, kill: done, pause: done,
      unpause: done, rename: done, resize: done, remove: done, wait: async () => ({ StatusCode: 0 }), logs: async () => ({ terminal: false, lines: nothing() }), attach: absent,
    },
    exec: { create: async () => 'x', start: async () => null, inspect: absent, resize: done },
    networks: { list: async () => [network], inspect: async () => network },
    volumes: { list: async () => ({ Volumes: [], Warnings: null }), inspect: absent },
  });
});
afterAll(() => server[Symbol.asyncDispose]());

const word = fc.oneof(
  fc.constantFrom('containers', 'images', 'json', 'create', 'start', 'stop', 'kill', 'wait', 'logs', 'rename', 'resize', 'exec', 'networks', 'volumes', 'events', 'info', 'tag', 'history', 'v1.41', '..', '.', ''),
  fc.string({ maxLength: 12 }).map(encodeURIComponent),
  fc.constantFrom('%2e%2e%2f', '%00', '%ff', '%', '%zz', 'a%2Fb', '__proto__', 'constructor'),
);
const path = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => `/${words.join('/')}`);
const parameter = fc.tuple(
  fc.constantFrom('all', 'limit', 'size', 'filters', 't', 'signal', 'condition', 'tail', 'since', 'until', 'stdout', 'h', 'w', 'name', 'fromImage', 'tag', 'platform', 'repo', 'manifests', 'x'),
  fc.oneof(fc.string({ maxLength: 20 }), fc.json({ maxDepth: 2 }), fc.constantFrom('1', '-1', '9'.repeat(30), 'NaN', '{}', '{"label":["a"]}', '[]', 'null', '\0', '1e9', '0x10')),
);
const query = fc.array(parameter, { maxLength: 4 }).map((pairs) => pairs.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&'));

test('whatever is asked for is answered, and is never a defect', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'HEAD'), path, query, fc.option(fc.json({ maxDepth: 3 }), { nil: undefined }), async (method, where, what, body) => {
      const { status, body: text } = await server.call(method, `${where}?${what}`, body === undefined || method === 'HEAD' ? {} : { body });
      expect([200, 201, 204, 400, 404, 501, 503]).toContain(status);
      if (status >= 400 && method !== 'HEAD') expect(JSON.parse(text)).toEqual({ message: expect.any(String) as string, code: expect.stringMatching(/^[a-z]+(?:-[a-z]+)*$/) as string });
    }),
    { numRuns: 1500 },
  );
  expect(server.logged.filter(({ level }) => level !== 'debug')).toEqual([]);
}, 60_000);

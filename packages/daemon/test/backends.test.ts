import { createApi, createApiServer, type Backends } from '@gantry/api';
import type { EngineEvent, PullImage } from '@gantry/engine';
import { GantryError } from '@gantry/errors';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createBackends } from '../src/backends/backends.ts';
import { PullQueue } from '../src/backends/pull-queue.ts';
import { createLogger, resolveConfig } from '../src/index.ts';
import { config, containerId, details, imageId, scriptedEngine, streamsOf } from './support/engine.ts';

const daemonConfig = resolveConfig({}, {});
const backendsOf = (...given: Parameters<typeof scriptedEngine>): Backends => createBackends(scriptedEngine(...given), daemonConfig);

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

const signal = new AbortController().signal;

describe('pull', () => {
  const pulled = { reference: 'busybox:latest', digest: imageId, changed: true };

  test('tells the steps, then the end', async () => {
    let asked: PullImage | undefined;
    const { images } = backendsOf({
      images: {
        pull: async (_ref, o) => {
          asked = o;
          o?.onProgress?.({ kind: 'resolving', reference: 'busybox' });
          o?.onProgress?.({ kind: 'layer', digest: imageId, phase: 'waiting' });
          o?.onProgress?.({ kind: 'layer', digest: imageId, phase: 'complete' });
          return pulled;
        },
      },
    });
    const messages = await collect(images.pull({ reference: 'busybox', platform: 'linux/arm64', auth: { username: 'u', password: 'p' }, signal }));
    expect(messages.map(({ status }) => status)).toEqual([
      'Pulling from library/busybox', 'Pulling fs layer', 'Pull complete', `Digest: ${imageId}`, 'Status: Downloaded newer image for busybox:latest',
    ]);
    expect(asked).toMatchObject({ platform: { os: 'linux', architecture: 'arm64' }, auth: { username: 'u', password: 'p' }, signal });
  });

  test('one that finds nothing says nothing before its error', async () => {
    const error = new GantryError('notFound', 'manifest-unknown', 'no');
    const { images } = backendsOf({
      images: {
        pull: async (_ref, o) => {
          o?.onProgress?.({ kind: 'resolving', reference: 'busybox' });
          throw error;
        },
      },
    });
    const messages = images.pull({ reference: 'busybox', signal })[Symbol.asyncIterator]();
    await expect(messages.next()).rejects.toBe(error);
  });

  test('a bad platform is refused', async () => {
    const { images } = backendsOf();
    await expect(collect(images.pull({ reference: 'busybox', platform: 'a/b/c/d', signal }))).rejects.toMatchObject({ code: 'bad-platform' });
  });
});

describe('the queue of a pull', () => {
  const layer = (status: string, current?: number): Parameters<PullQueue['put']>[0] => ({ id: 'a', status, progressDetail: current === undefined ? {} : { current, total: 1000 } });

  test('keeps every step, and of how far it is only the last word', async () => {
    const queue = new PullQueue();
    queue.put(layer('Pulling fs layer'));
    for (let i = 0; i < 1000; i++) queue.put(layer('Downloading', i));
    queue.put(layer('Downloading', 1000));
    queue.put(layer('Download complete'));
    queue.end();
    const messages = await collect(queue.messages());
    expect(messages.map(({ status }) => status)).toEqual(['Pulling fs layer', 'Downloading', 'Download complete']);
    expect(messages[1]?.progressDetail).toEqual({ current: 1000, total: 1000 });
  });

  test('an error comes after what was told before it', async () => {
    const queue = new PullQueue();
    queue.put(layer('Pulling fs layer'));
    queue.fail(new Error('gone'));
    const messages = queue.messages();
    expect((await messages.next()).value).toMatchObject({ status: 'Pulling fs layer' });
    await expect(messages.next()).rejects.toThrow('gone');
  });

  test('a reader that waits is woken', async () => {
    const queue = new PullQueue();
    const next = queue.messages().next();
    setTimeout(() => queue.put(layer('Pulling fs layer')), 5);
    expect((await next).value).toMatchObject({ status: 'Pulling fs layer' });
  });
});

describe('attach', () => {
  const written: string[] = [];
  const ends: string[] = [];
  const attachTo = (once: boolean, terminal: boolean): Backends =>
    backendsOf({
      containers: {
        find: async () => containerId,
        list: async () => [{ ...details, config: { ...config, stdinOnce: once, terminal } }],
        attach: async () =>
          streamsOf({
            terminal,
            stdin: new WritableStream({
              write: (chunk) => void written.push(Buffer.from(chunk).toString()),
              close: () => void ends.push('close'),
              abort: () => void ends.push('abort'),
            }),
          }),
      },
    });

  test.each([
    [true, false, 'close'],
    [false, false, 'abort'],
    [true, true, 'abort'],
  ])('with stdinOnce %s and a terminal %s, the end of the client’s input is %s', async (once, terminal, end) => {
    ends.length = written.length = 0;
    const streams = await attachTo(once, terminal).containers.attach('x', { stdin: true, stdout: true, stderr: true, logs: false, stream: true });
    const writer = streams.stdin?.getWriter();
    await writer?.write(Buffer.from('hi'));
    await writer?.close();
    expect([written, ends]).toEqual([['hi'], [end]]);
  });
});

describe('events', () => {
  const event: EngineEvent = { seq: 1, at: '2026-11-25T01:17:31.982303744Z', type: 'container', action: 'die', actor: { id: containerId, attributes: { exitCode: '0' } } };

  test('are passed on with all their digits', async () => {
    const events = await collect(await backendsOf({}, [event]).system.events({ filters: new Map(), signal }));
    expect(events).toEqual([{ Type: 'container', Action: 'die', Actor: { ID: containerId, Attributes: { exitCode: '0' } }, scope: 'local', timeNano: 1795569451982303744n }]);
  });

  test.each([[{ network: ['x'] }], [{ scope: ['swarm'] }], [{ volume: ['v'] }]])('of %j there are none, until the time is over', async (filters) => {
    const until = BigInt(Date.now() + 50) * 1_000_000n;
    expect(await collect(await backendsOf({}, [event]).system.events({ until, filters: new Map(Object.entries(filters)), signal }))).toEqual([]);
  });

  test('or the client has left', async () => {
    const gone = new AbortController();
    setTimeout(() => gone.abort(), 20);
    expect(await collect(await backendsOf().system.events({ filters: new Map([['network', ['x']]]), signal: gone.signal }))).toEqual([]);
  });
});

test('networks and volumes', async () => {
  const { networks, volumes } = backendsOf();
  const [host] = await networks.list({ filters: new Map() });
  expect(host?.Name).toBe('host');
  expect((await networks.inspect(host?.Id.slice(0, 8) ?? '')).Name).toBe('host');
  await expect(networks.inspect('bridge')).rejects.toMatchObject({ kind: 'notFound', message: 'network bridge not found' });
  await expect(networks.inspect('')).rejects.toMatchObject({ kind: 'notFound' });
  expect(await volumes.list({ filters: new Map() })).toEqual({ Volumes: [], Warnings: null });
  await expect(volumes.inspect('v')).rejects.toMatchObject({ kind: 'notFound', message: 'get v: no such volume' });
});

test('through the API: a name, a log, an exit', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-test-backends-'));
  const socketPath = join(folder, 's');
  const backends = backendsOf({
    containers: {
      find: async () => containerId,
      list: async () => [details],
      inspect: async () => details,
      logs: async function* () {
        yield { at: '2026-11-25T01:17:31.982303744Z', fd: 1, line: Buffer.from('hello\n') };
      },
      wait: async (_ref, o) => {
        o?.onWaiting?.();
        return { exitCode: 7, error: 'could not remove' };
      },
    },
  });
  const log = createLogger({ level: 'error', format: 'text', write: () => undefined });
  const server = createApiServer(createApi({ backends, product: { name: 'Gantry', version: '0' }, log }));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const call = (method: string, path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      request({ socketPath, method, path, agent: false }, (res) => {
        let text = '';
        res.setEncoding('latin1').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve(text));
      }).on('error', reject).end();
    });
  try {
    expect(JSON.parse(await call('GET', '/containers/web/json'))).toMatchObject({ Name: '/web' });
    expect(await call('GET', '/containers/web/logs?stdout=1')).toBe('\x01\0\0\0\0\0\0\x06hello\n');
    expect(JSON.parse(await call('POST', '/containers/web/wait'))).toEqual({ StatusCode: 7, Error: { Message: 'could not remove' } });
    expect(JSON.parse(await call('GET', '/info'))).toMatchObject({ ID: 'engine-1' });
  } finally {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  }
});

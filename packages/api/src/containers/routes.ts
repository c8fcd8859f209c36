import { toGantryError } from '@gantry/errors';
import type { ApiVersion, ContainerWaitResponse } from '@gantry/api-types';
import { param, type ApiRequest } from '../http/handler.ts';
import { badParameter } from '../http/query.ts';
import { empty, json, multiplexedStream, rawStream, type Reply } from '../http/reply.ts';
import type { Route } from '../http/router.ts';
import { serveStreams } from '../http/streams.ts';
import { notImplemented } from '../unsupported.ts';
import { before } from '../version.ts';
import type { ContainersBackend } from './backend.ts';
import { decodeCreate } from './decode-create.ts';
import { decodeAttach, decodeCondition, decodeList, decodeLogs, decodeSize, decodeStop } from './decode.ts';
import { logBytes } from './logs.ts';
import { shapeInspect, shapeSummary } from './versions.ts';

const id = (request: ApiRequest): string => param(request, 'id');

/** Since 1.42 the media type tells whether stdout and stderr are framed. */
export const streamType = (terminal: boolean, version: ApiVersion): string => (terminal || before(version, '1.42') ? rawStream : multiplexedStream);

async function create(backend: ContainersBackend, request: ApiRequest): Promise<Reply> {
  const { query, version } = request;
  const [name, platform] = [query.text('name'), query.text('platform')];
  const body = decodeCreate(await request.json(), version);
  const created = await backend.create({
    body,
    ...(name === '' ? {} : { name: name.startsWith('/') ? name.slice(1) : name }),
    ...(platform === '' || before(version, '1.41') ? {} : { platform }),
  });
  return json(created, 201);
}

/** One answer late in the stream. The head is out by then, so that a failure of waiting is a part of the answer. */
async function* waited(result: Promise<ContainerWaitResponse>): AsyncGenerator<string, void, undefined> {
  let answer: ContainerWaitResponse;
  try {
    answer = await result;
  } catch (error) {
    answer = { StatusCode: -1, Error: { Message: toGantryError(error).message } };
  }
  yield `${JSON.stringify(answer)}\n`;
}

async function wait(backend: ContainersBackend, request: ApiRequest): Promise<Reply> {
  const condition = decodeCondition(request.query, request.version);
  const waiting = Promise.withResolvers<undefined>();
  const result = backend.wait(id(request), { condition, signal: request.signal, onWaiting: () => waiting.resolve(undefined) });
  // The head tells the client that it may start the container now; a container that does not exist is told before.
  await Promise.race([waiting.promise, result]);
  return { kind: 'stream', contentType: 'application/json', chunks: waited(result) };
}

async function attach(backend: ContainersBackend, request: ApiRequest): Promise<Reply> {
  const streams = await backend.attach(id(request), decodeAttach(request.query));
  return { kind: 'hijack', contentType: streamType(streams.terminal, request.version), serve: (connection) => serveStreams(connection, streams) };
}

async function logs(backend: ContainersBackend, request: ApiRequest): Promise<Reply> {
  const log = await backend.logs(id(request), decodeLogs(request.query, request.signal));
  return { kind: 'stream', contentType: streamType(log.terminal, request.version), chunks: logBytes(log, request.query.flag('timestamps')) };
}

async function start(backend: ContainersBackend, request: ApiRequest): Promise<void> {
  if (request.query.text('checkpoint') !== '') throw notImplemented('start a container from a checkpoint');
  await backend.start(id(request));
}

async function rename(backend: ContainersBackend, request: ApiRequest): Promise<Reply> {
  const name = request.query.text('name');
  if (name === '') throw badParameter('name', 'it is required');
  await backend.rename(id(request), name.startsWith('/') ? name.slice(1) : name);
  return empty(204);
}

async function remove(backend: ContainersBackend, request: ApiRequest): Promise<Reply> {
  const { query } = request;
  if (query.flag('link')) throw badParameter('link', 'there are no links to remove');
  await backend.remove(id(request), { force: query.flag('force'), volumes: query.flag('v') });
  return empty(204);
}

async function inspect(backend: ContainersBackend, request: ApiRequest): Promise<Reply> {
  return json(shapeInspect(await backend.inspect(id(request), { size: request.query.flag('size') }), request.version));
}

/** An action that answers nothing but that it is done. */
function action(path: string, run: (request: ApiRequest) => Promise<void>): Route {
  return {
    method: 'POST',
    path: `/containers/{id}/${path}`,
    handle: async (request) => {
      await run(request);
      return empty(204);
    },
  };
}

export function containerRoutes(backend: ContainersBackend): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/containers/json',
      handle: async ({ query, version }) => json((await backend.list(decodeList(query))).map((container) => shapeSummary(container, version))),
    },
    { method: 'POST', path: '/containers/create', handle: (request) => create(backend, request) },
    { method: 'GET', path: '/containers/{id}/json', handle: (request) => inspect(backend, request) },
    { method: 'GET', path: '/containers/{id}/logs', handle: (request) => logs(backend, request) },
    { method: 'POST', path: '/containers/{id}/attach', handle: (request) => attach(backend, request) },
    { method: 'POST', path: '/containers/{id}/wait', handle: (request) => wait(backend, request) },
    {
      method: 'POST',
      path: '/containers/{id}/resize',
      handle: async (request) => {
        await backend.resize(id(request), decodeSize(request.query));
        return empty(200);
      },
    },
    { method: 'POST', path: '/containers/{id}/rename', handle: (request) => rename(backend, request) },
    { method: 'DELETE', path: '/containers/{id}', handle: (request) => remove(backend, request) },
    action('start', (request) => start(backend, request)),
    action('stop', (request) => backend.stop(id(request), decodeStop(request.query, request.version))),
    action('restart', (request) => backend.restart(id(request), decodeStop(request.query, request.version))),
    action('kill', (request) => backend.kill(id(request), request.query.text('signal'))),
    action('pause', (request) => backend.pause(id(request))),
    action('unpause', (request) => backend.unpause(id(request))),
  ];
}

import { decodeSize } from '../containers/decode.ts';
import { streamType } from '../containers/routes.ts';
import { param, type ApiRequest } from '../http/handler.ts';
import { empty, json, type Reply } from '../http/reply.ts';
import type { Route } from '../http/router.ts';
import { serveStreams } from '../http/streams.ts';
import type { ExecBackend } from './backend.ts';
import { decodeExecCreate, decodeExecStart } from './decode.ts';

const id = (request: ApiRequest): string => param(request, 'id');

async function start(backend: ExecBackend, request: ApiRequest): Promise<Reply> {
  const { Detach = false, ConsoleSize } = decodeExecStart(await request.json());
  const size = ConsoleSize === undefined || ConsoleSize === null ? {} : { size: { rows: ConsoleSize[0], cols: ConsoleSize[1] } };
  const streams = await backend.start(id(request), { detach: Detach, ...size });
  if (streams === null) return empty(200);
  return { kind: 'hijack', contentType: streamType(streams.terminal, request.version), serve: (connection) => serveStreams(connection, streams) };
}

export function execRoutes(backend: ExecBackend): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/containers/{id}/exec',
      handle: async (request) => json({ Id: await backend.create(id(request), decodeExecCreate(await request.json())) }, 201),
    },
    { method: 'POST', path: '/exec/{id}/start', handle: (request) => start(backend, request) },
    { method: 'GET', path: '/exec/{id}/json', handle: async (request) => json(await backend.inspect(id(request))) },
    {
      method: 'POST',
      path: '/exec/{id}/resize',
      handle: async (request) => {
        await backend.resize(id(request), decodeSize(request.query));
        return empty(200);
      },
    },
  ];
}

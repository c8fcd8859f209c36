import { param, type ApiRequest } from '../http/handler.ts';
import { progressLines } from '../http/lines.ts';
import { badParameter } from '../http/query.ts';
import { empty, json, type Reply } from '../http/reply.ts';
import type { Route } from '../http/router.ts';
import { notImplemented } from '../unsupported.ts';
import type { ImagesBackend } from './backend.ts';
import { decodeList, decodePlatform, decodePull, joinReference } from './decode.ts';
import { shapeAll } from './progress.ts';
import { shapeInspect, shapeSummary } from './versions.ts';

async function pull(backend: ImagesBackend, { query, headers, signal, version }: ApiRequest): Promise<Reply> {
  const messages = backend.pull(decodePull(query, headers, signal));
  return { kind: 'stream', contentType: 'application/json', chunks: await progressLines(shapeAll(messages, version)) };
}

async function inspect(backend: ImagesBackend, request: ApiRequest): Promise<Reply> {
  const manifests = request.query.flag('manifests');
  const { platform } = decodePlatform(request.query);
  if (manifests && platform !== undefined) throw badParameter('platform', 'it excludes "manifests"');
  const image = await backend.inspect(param(request, 'name'), { manifests, ...(platform === undefined ? {} : { platform }) });
  return json(shapeInspect(image, request.version));
}

async function tag(backend: ImagesBackend, request: ApiRequest): Promise<Reply> {
  const repository = request.query.text('repo');
  if (repository === '') throw badParameter('repo', 'it is required');
  await backend.tag(param(request, 'name'), joinReference(repository, request.query.text('tag')));
  return empty(201);
}

async function remove(backend: ImagesBackend, request: ApiRequest): Promise<Reply> {
  const { query } = request;
  if (query.has('platforms')) throw notImplemented('remove single platforms of an image');
  return json(await backend.remove(param(request, 'name'), { force: query.flag('force'), noPrune: query.flag('noprune') }));
}

export function imageRoutes(backend: ImagesBackend): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/images/json',
      handle: async ({ query, version }) => json((await backend.list(decodeList(query, version))).map((image) => shapeSummary(image, version))),
    },
    { method: 'POST', path: '/images/create', handle: (request) => pull(backend, request) },
    { method: 'GET', path: '/images/{name...}/json', handle: (request) => inspect(backend, request) },
    {
      method: 'GET',
      path: '/images/{name...}/history',
      handle: async (request) => json(await backend.history(param(request, 'name'), decodePlatform(request.query))),
    },
    { method: 'POST', path: '/images/{name...}/tag', handle: (request) => tag(backend, request) },
    { method: 'DELETE', path: '/images/{name...}', handle: (request) => remove(backend, request) },
  ];
}

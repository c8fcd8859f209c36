import { notImplemented } from '../unsupported.ts';
import { badField } from '../http/decode.ts';
import type { ApiRequest } from '../http/handler.ts';
import { json, type Reply } from '../http/reply.ts';
import type { Route } from '../http/router.ts';
import type { SystemBackend } from './backend.ts';
import { authConfig, decodeEvents } from './decode.ts';
import { eventFormat, eventText } from './events.ts';
import { shapeInfo } from './versions.ts';

/** `Builder-Version` 2 is BuildKit: what the client should build with. */
const ping = (text: string): Reply => ({
  kind: 'text',
  text,
  headers: { 'Builder-Version': '2', 'Cache-Control': 'no-cache, no-store, must-revalidate', Pragma: 'no-cache', Swarm: 'inactive' },
});

async function events(backend: SystemBackend, request: ApiRequest): Promise<Reply> {
  const format = eventFormat(request.headers.accept, request.version);
  const source = await backend.events(decodeEvents(request.query, request.signal));
  const chunks = (async function* () {
    for await (const event of source) yield eventText(event, request.version, format);
  })();
  return { kind: 'stream', contentType: format.contentType, chunks };
}

async function auth(backend: SystemBackend, request: ApiRequest): Promise<Reply> {
  if (backend.auth === undefined) throw notImplemented('check credentials at a registry');
  const body = await request.json();
  if (body === undefined) throw badField('', 'it is empty');
  return json(await backend.auth(authConfig(body, '')));
}

async function diskUsage(backend: SystemBackend, request: ApiRequest): Promise<Reply> {
  if (backend.diskUsage === undefined) throw notImplemented('count the disk that each kind of thing takes');
  return json(await backend.diskUsage({ types: request.query.all('type'), verbose: request.query.flag('verbose') }));
}

export function systemRoutes(backend: SystemBackend): readonly Route[] {
  return [
    { method: 'GET', path: '/_ping', handle: async () => ping('OK') },
    { method: 'HEAD', path: '/_ping', handle: async () => ping('') },
    { method: 'GET', path: '/version', handle: async () => json(await backend.version()) },
    { method: 'GET', path: '/info', handle: async (request) => json(shapeInfo(await backend.info(), request.version)) },
    { method: 'GET', path: '/events', handle: (request) => events(backend, request) },
    { method: 'POST', path: '/auth', handle: (request) => auth(backend, request) },
    { method: 'GET', path: '/gantry/drivers', handle: async () => json(await backend.drivers()) },
    { method: 'GET', path: '/system/df', handle: (request) => diskUsage(backend, request) },
  ];
}

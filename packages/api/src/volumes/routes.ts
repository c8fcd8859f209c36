import { decodeFilters } from '../http/filters.ts';
import { param } from '../http/handler.ts';
import { json } from '../http/reply.ts';
import type { Route } from '../http/router.ts';
import type { VolumesBackend } from './backend.ts';

const filters = ['dangling', 'driver', 'label', 'name'];

export function volumeRoutes(backend: VolumesBackend): readonly Route[] {
  return [
    { method: 'GET', path: '/volumes', handle: async ({ query }) => json(await backend.list({ filters: decodeFilters(query, filters) })) },
    { method: 'GET', path: '/volumes/{name...}', handle: async (request) => json(await backend.inspect(param(request, 'name'))) },
  ];
}

import type { ApiVersion, Network } from '@gantry/api-types';
import { decodeFilters } from '../http/filters.ts';
import { param } from '../http/handler.ts';
import { json } from '../http/reply.ts';
import type { Route } from '../http/router.ts';
import { before } from '../version.ts';
import type { NetworksBackend } from './backend.ts';

const filters = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];

/** `EnableIPv4` came with 1.48. */
export function shapeNetwork<T extends Network & { EnableIPv4?: boolean }>(network: T, version: ApiVersion): T {
  if (!before(version, '1.48')) return network;
  const copy = { ...network };
  delete copy.EnableIPv4;
  return copy;
}

export function networkRoutes(backend: NetworksBackend): readonly Route[] {
  const list: Route['handle'] = async ({ query, version }) => {
    const networks = await backend.list({ filters: decodeFilters(query, filters) });
    return json(networks.map((network) => shapeNetwork(network, version)));
  };
  return [
    { method: 'GET', path: '/networks', handle: list },
    // Some clients write the slash.
    { method: 'GET', path: '/networks/', handle: list },
    {
      method: 'GET',
      path: '/networks/{id...}',
      handle: async (request) => json(shapeNetwork(await backend.inspect(param(request, 'id')), request.version)),
    },
  ];
}

import { GantryError } from '@gantry/errors';
import type { Route } from './http/router.ts';

/** What an endpoint answers that exists in the API and not here. */
export function notImplemented(what: string): GantryError {
  return new GantryError('notImplemented', 'not-implemented', `This version of Gantry cannot ${what}`, { details: { what } });
}

/** Every documented operation that has no route of its own: a client learns that it is missing, not that it never existed. */
const table: readonly (readonly [Route['method'], path: string, what: string])[] = [
  ['GET', '/containers/{id}/top', 'list the processes of a container'],
  ['GET', '/containers/{id}/changes', 'list the changes in the files of a container'],
  ['GET', '/containers/{id}/export', 'export the files of a container'],
  ['GET', '/containers/{id}/stats', 'report the resources that a container uses'],
  ['POST', '/containers/{id}/update', 'change the limits of a container'],
  ['GET', '/containers/{id}/attach/ws', 'attach over a web socket'],
  ['HEAD', '/containers/{id}/archive', 'look into the files of a container'],
  ['GET', '/containers/{id}/archive', 'copy files out of a container'],
  ['PUT', '/containers/{id}/archive', 'copy files into a container'],
  ['POST', '/containers/prune', 'prune containers'],
  ['POST', '/build', 'build images'],
  ['POST', '/build/prune', 'prune the cache of builds'],
  ['POST', '/build/cancel', 'build images'],
  ['GET', '/images/{name...}/attestations', 'read the attestations of an image'],
  ['POST', '/images/{name...}/push', 'push images'],
  ['GET', '/images/search', 'search for images'],
  ['POST', '/images/prune', 'prune images'],
  ['POST', '/commit', 'make an image of a container'],
  ['GET', '/images/{name...}/get', 'save images'],
  ['GET', '/images/get', 'save images'],
  ['POST', '/images/load', 'load images'],
  ['POST', '/networks/create', 'create networks'],
  ['DELETE', '/networks/{id}', 'remove networks'],
  ['POST', '/networks/{id}/connect', 'connect a container to a network'],
  ['POST', '/networks/{id}/disconnect', 'disconnect a container from a network'],
  ['POST', '/networks/prune', 'prune networks'],
  ['POST', '/volumes/create', 'create volumes'],
  ['PUT', '/volumes/{name}', 'update cluster volumes'],
  ['DELETE', '/volumes/{name}', 'remove volumes'],
  ['POST', '/volumes/prune', 'prune volumes'],
  ['GET', '/distribution/{name...}/json', 'look up an image in its registry'],
  ['POST', '/session', 'hold a session for builds'],
  ['POST', '/grpc', 'hold a session for builds'],
  ['GET', '/plugins/privileges', 'install plugins of Docker'],
  ['POST', '/plugins/pull', 'install plugins of Docker'],
  ['POST', '/plugins/create', 'create plugins of Docker'],
  ['POST', '/swarm/init', 'form a swarm'],
  ['POST', '/swarm/join', 'join a swarm'],
];

export const unsupportedRoutes: readonly Route[] = table.map(([method, path, what]) => ({
  method,
  path,
  handle: async () => {
    throw notImplemented(what);
  },
}));

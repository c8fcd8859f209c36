import { GantryError } from '@gantry/errors';
import type { Route } from '../http/router.ts';

/** Docker's words, by which clients know that a node has no swarm. */
const notManager = (): GantryError =>
  new GantryError(
    'unavailable',
    'not-a-swarm-manager',
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );

const managed: readonly (readonly [Route['method'], path: string])[] = [
  ['GET', '/swarm'],
  ['POST', '/swarm/update'],
  ['GET', '/swarm/unlockkey'],
  ['POST', '/swarm/unlock'],
  ...['nodes', 'services', 'secrets', 'configs'].flatMap((kind): readonly (readonly [Route['method'], string])[] => [
    ['GET', `/${kind}`],
    ['GET', `/${kind}/{id}`],
    ['DELETE', `/${kind}/{id}`],
    ['POST', `/${kind}/{id}/update`],
    ['POST', `/${kind}/create`],
  ]),
  ['GET', '/services/{id}/logs'],
  ['GET', '/tasks'],
  ['GET', '/tasks/{id}'],
  ['GET', '/tasks/{id}/logs'],
];

/** Gantry has no swarm: every one of these answers as a Docker does that is in none. */
export const swarmRoutes: readonly Route[] = [
  ...managed.map(([method, path]): Route => ({
    method,
    path,
    handle: async () => {
      throw notManager();
    },
  })),
  {
    method: 'POST',
    path: '/swarm/leave',
    handle: async (): Promise<never> => {
      throw new GantryError('unavailable', 'not-in-a-swarm', 'This node is not part of a swarm');
    },
  },
];

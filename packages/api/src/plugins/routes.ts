import { GantryError } from '@gantry/errors';
import { param } from '../http/handler.ts';
import { json } from '../http/reply.ts';
import type { Route } from '../http/router.ts';

const paths: readonly (readonly [Route['method'], path: string])[] = [
  ['GET', '/plugins/{name...}/json'],
  ['DELETE', '/plugins/{name...}'],
  ['POST', '/plugins/{name...}/enable'],
  ['POST', '/plugins/{name...}/disable'],
  ['POST', '/plugins/{name...}/upgrade'],
  ['POST', '/plugins/{name...}/push'],
  ['POST', '/plugins/{name...}/set'],
];

/** Plugins in Docker's sense are images that run with privileges. There are none here, so each name is unknown. */
export const pluginRoutes: readonly Route[] = [
  { method: 'GET', path: '/plugins', handle: async () => json([]) },
  ...paths.map(([method, path]): Route => ({
    method,
    path,
    handle: async (request) => {
      const name = param(request, 'name');
      throw new GantryError('notFound', 'no-such-plugin', `plugin ${JSON.stringify(name)} not found`, { details: { name } });
    },
  })),
];

import type { Backends } from './backends.ts';
import { containerRoutes } from './containers/routes.ts';
import { execRoutes } from './exec/routes.ts';
import type { Route } from './http/router.ts';
import { imageRoutes } from './images/routes.ts';
import { networkRoutes } from './networks/routes.ts';
import { pluginRoutes } from './plugins/routes.ts';
import { swarmRoutes } from './swarm/routes.ts';
import { systemRoutes } from './system/routes.ts';
import { unsupportedRoutes } from './unsupported.ts';
import { volumeRoutes } from './volumes/routes.ts';

/** All routes. Those that answer "not implemented" stand first: their fixed words win over another's `{name}`. */
export function routes(backends: Backends): readonly Route[] {
  return [
    ...unsupportedRoutes,
    ...systemRoutes(backends.system),
    ...containerRoutes(backends.containers),
    ...execRoutes(backends.exec),
    ...imageRoutes(backends.images),
    ...networkRoutes(backends.networks),
    ...volumeRoutes(backends.volumes),
    ...swarmRoutes,
    ...pluginRoutes,
  ];
}

import type { Backends } from '@gantry/api';
import type { Engine } from '@gantry/engine';
import type { DaemonConfig } from '../config/config.ts';
import { containersBackend } from './containers.ts';
import { execBackend } from './exec.ts';
import { imagesBackend } from './images.ts';
import { networksBackend } from './networks.ts';
import { systemBackend } from './system.ts';
import { volumesBackend } from './volumes.ts';

/** The API's backends over one engine. Everything that is decided is decided in the engine: here it is only said in other words. */
export function createBackends(engine: Engine, config: DaemonConfig): Backends {
  return {
    system: systemBackend(engine, config),
    images: imagesBackend(engine),
    containers: containersBackend(engine),
    exec: execBackend(engine),
    networks: networksBackend(engine, new Date().toISOString()),
    volumes: volumesBackend,
  };
}

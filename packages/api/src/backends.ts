import type { ContainersBackend } from './containers/backend.ts';
import type { ExecBackend } from './exec/backend.ts';
import type { ImagesBackend } from './images/backend.ts';
import type { NetworksBackend } from './networks/backend.ts';
import type { SystemBackend } from './system/backend.ts';
import type { VolumesBackend } from './volumes/backend.ts';

/** What the API is served from: one narrow interface a group of routes, each in wire types of the newest version. */
export interface Backends {
  readonly system: SystemBackend;
  readonly images: ImagesBackend;
  readonly containers: ContainersBackend;
  readonly exec: ExecBackend;
  readonly networks: NetworksBackend;
  readonly volumes: VolumesBackend;
}

import type { Logger } from '@gantry/driver-api';
import type { ContainerFilesStore } from './containers/container-files.ts';
import type { ContainerStore } from './containers/container-store.ts';
import type { ContainerTable } from './containers/container-table.ts';
import type { EngineFacts } from './config/resolve.ts';
import type { DiskReclaim } from './drivers/disk-reclaim.ts';
import type { Drivers } from './drivers/drivers.ts';
import type { EventLog } from './events/event-log.ts';
import type { ImageStore } from './images/image-store.ts';
import type { SpecMachine } from './spec/build-spec.ts';
import type { Database } from './state/database.ts';
import type { Operations } from './state/operations.ts';
import type { UserFiles } from './containers/user-files.ts';

/** What the parts of one engine share. Each module takes the members it needs and no more. */
export interface Core {
  readonly session: string;
  readonly db: Database;
  readonly operations: Operations;
  readonly events: EventLog;
  readonly drivers: Drivers;
  readonly disk: DiskReclaim;
  readonly facts: EngineFacts & SpecMachine;
  readonly images: ImageStore;
  readonly containers: ContainerStore;
  readonly table: ContainerTable;
  readonly files: ContainerFilesStore;
  readonly users: UserFiles;
  readonly log: Logger;
  /** Milliseconds that a step of one container may take. */
  readonly deadline: number;
}

import type { DriverContext } from './common.ts';
import type { Host } from './host.ts';
import type { LogDriver } from './log.ts';
import type { NetworkDriver } from './network.ts';
import type { Runtime } from './runtime.ts';
import type { StorageDriver } from './storage.ts';
import type { VolumeDriver } from './volume.ts';

export interface Kinds {
  readonly storage: StorageDriver;
  readonly network: NetworkDriver;
  readonly volume: VolumeDriver;
  readonly log: LogDriver;
  readonly runtime: Runtime;
  readonly host: Host;
}
export interface Plugin<K extends keyof Kinds = keyof Kinds, O = unknown> {
  readonly apiVersion: 1; kind: K; name: string; optionsSchema: object;
  probe(c: DriverContext, options: O): Promise<{ ok: true } | { ok: false; reason: string }>;
  /** Bounded (250 ms): renames debris aside, gc() deletes it. A damaged item is reported by check(), never fails open(). */
  open(c: DriverContext, options: O): Promise<Kinds[K]>;
}

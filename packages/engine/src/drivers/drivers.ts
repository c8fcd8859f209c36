import type { Host, LogDriver, Runtime, SkippedPlugin, StorageDriver } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';

/** The drivers of one engine, open. */
export interface Drivers extends AsyncDisposable {
  readonly storage: StorageDriver;
  readonly host: Host;
  readonly runtimes: ReadonlyMap<string, Runtime>;
  readonly defaultRuntime: string;
  readonly logs: ReadonlyMap<string, LogDriver>;
  readonly defaultLog: string;
  readonly skipped: readonly SkippedPlugin[];
  /** `kind/as` to the package that it comes from. */
  readonly packages: ReadonlyMap<string, string>;
}

/** @throws GantryError unavailable `driver-missing`: a container's, which this engine was opened without. */
export function runtimeOf(drivers: Drivers, name: string): Runtime {
  const runtime = drivers.runtimes.get(name);
  if (runtime === undefined) throw missing('runtime', name);
  return runtime;
}

/** Undefined: `none`, of which nothing is kept. @throws GantryError unavailable `driver-missing`. */
export function logDriverOf(drivers: Drivers, name: string): LogDriver | undefined {
  if (name === 'none') return undefined;
  const driver = drivers.logs.get(name);
  if (driver === undefined) throw missing('log', name);
  return driver;
}

function missing(kind: string, name: string): GantryError {
  return new GantryError('unavailable', 'driver-missing', `the ${kind} driver ${JSON.stringify(name)} is not configured any more: add it to the configuration, or remove what needs it`, { details: { kind, name } });
}

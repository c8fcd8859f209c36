import type { Kinds, Logger, Plugin } from '@gantry/driver-api';
import type { RegistryOptions } from './registry.ts';

/** A driver's plugin, alone or with options for it, which its own schema checks. */
export type Use<K extends keyof Kinds> = Plugin<K> | { readonly plugin: Plugin<K>; readonly options: unknown };

export interface EnginePlugins {
  readonly storage: Use<'storage'>;
  /** By the name that containers ask for. */
  readonly runtimes: Readonly<Record<string, Use<'runtime'>>>;
  /** Absent: the first of `runtimes`. */
  readonly defaultRuntime?: string | undefined;
  readonly host: Use<'host'>;
  /** By the name that containers ask for. */
  readonly logs: Readonly<Record<string, Use<'log'>>>;
  /** Absent: the first of `logs`. */
  readonly defaultLog?: string | undefined;
}

export interface EngineOptions {
  /** Absolute. Database, blobs and the drivers' state; one engine at a time. Made with mode 0700 if absent. */
  readonly dataRoot: string;
  /** Absolute and short (a socket's path has 107 bytes); gone after a reboot. Shared by all drivers. */
  readonly runRoot: string;
  readonly plugins: EnginePlugins;
  readonly registry?: RegistryOptions | undefined;
  /** Familiar reference (`hello:latest`) to a folder with an OCI image layout that `pull()` takes it from. Only read. */
  readonly embeddedImages?: Readonly<Record<string, string>> | undefined;
  readonly log?: Logger | undefined;
  /** Where this engine can be reached: told to whoever tries to open the same data root. */
  readonly socket?: string | undefined;
  /** Of the containers' machine. Absent: this machine's. */
  readonly bootId?: string | undefined;
  /** Events to keep. Default 4096. */
  readonly keepEvents?: number | undefined;
  /** Longest time in ms that one step of one container may take before the caller gets `timeout`. Default 120000. */
  readonly stepDeadline?: number | undefined;
}

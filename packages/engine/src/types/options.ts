import type { DriverDefaults, DriversConfig, Logger } from '@gantry/driver-api';
import type { RegistryClientOptions } from '@gantry/registry-client';

export interface EngineOptions {
  /** Absolute. Database, blobs and the drivers' state; one engine at a time. Made with mode 0700 if absent. */
  readonly dataRoot: string;
  /** Absolute and short (a socket's path has 107 bytes); gone after a reboot. Made with mode 0700 if absent. Shared by all drivers. */
  readonly runRoot: string;
  /**
   * The drivers: plugins as objects, or the names of packages (then `pluginDir` or `resolveFrom` says where they are).
   * @example { storage: overlay, runtimes: { default: 'linux', linux: runtimeLinux }, logs: [logFile] }
   */
  readonly plugins: DriversConfig;
  /** Drivers for what `plugins` leaves out: the first that can work here. */
  readonly pluginDefaults?: DriverDefaults | undefined;
  /** Absolute; its `node_modules` has plugins. */
  readonly pluginDir?: string | undefined;
  /** How the composition root resolves a plugin's name: `(name) => import.meta.resolve(name)`. */
  readonly resolveFrom?: ((name: string) => string) | undefined;
  /** Log driver of containers that name none. Absent: the first. */
  readonly defaultLog?: string | undefined;
  /** How registries are reached. `credentials` there are for pulls that bring none of their own. */
  readonly registry?: RegistryClientOptions | undefined;
  /** Familiar reference (`hello:latest`) to a folder with an OCI image layout that `pull()` takes it from. Only read. */
  readonly embeddedImages?: Readonly<Record<string, string>> | undefined;
  readonly log?: Logger | undefined;
  /** Where this engine can be reached: told to whoever tries to open the same data root. */
  readonly socket?: string | undefined;
  /** Of the containers' machine. Absent: this machine's. */
  readonly bootId?: string | undefined;
  /** Events to keep. Default 4096. */
  readonly keepEvents?: number | undefined;
  /** Milliseconds that a step of one container may take before its caller gets `timeout`. Default 120000. */
  readonly stepDeadline?: number | undefined;
  /** Milliseconds that closing the engine waits for steps under way; what they leave, the next engine finishes. Default 5000. */
  readonly closeDeadline?: number | undefined;
}

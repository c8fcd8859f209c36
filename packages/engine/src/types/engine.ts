import type { Containers } from './containers.ts';
import type { EngineEvent, WatchEvents } from './events.ts';
import type { Execs } from './execs.ts';
import type { Time } from './given.ts';
import type { Images } from './images.ts';

export interface DriverInfo {
  readonly kind: string;
  /** What configuration calls it; the driver's own name where that is not asked. */
  readonly as: string;
  readonly name: string;
  /** The npm package or folder that it comes from; absent: it was given as an object. */
  readonly package?: string | undefined;
  readonly domain: string;
  readonly status: readonly (readonly [string, string])[];
}

export interface EngineInfo {
  /** Of this data root, for good. */
  readonly id: string;
  readonly version: string;
  readonly dataRoot: string;
  readonly containers: { readonly total: number; readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
  readonly storage: DriverInfo;
  readonly drivers: readonly DriverInfo[];
  /** Drivers that `EngineOptions.pluginDefaults` offered and that cannot work here. */
  readonly skipped: readonly { readonly kind: string; readonly name: string; readonly package?: string | undefined; readonly reason: string }[];
  readonly runtimes: readonly string[];
  readonly defaultRuntime: string;
  readonly logs: readonly string[];
  readonly defaultLog: string;
  readonly host: {
    readonly name: string;
    readonly kernel: string;
    readonly os: string;
    /** As `uname -m`. */
    readonly arch: string;
    readonly cpus: number;
    /** Bytes. */
    readonly memory: number;
    readonly cgroup: 'v1' | 'v2';
    readonly cgroupDriver: 'cgroupfs' | 'systemd';
    readonly features: Readonly<Record<string, string>>;
  };
  /** `name=seccomp,profile=builtin`. */
  readonly securityOptions: readonly string[];
  readonly eventListeners: number;
  readonly time: Time;
  readonly warnings: readonly string[];
}

/** One engine over one data root. Disposing closes it; containers go on. */
export interface Engine extends AsyncDisposable {
  /** Of this data root, for good. */
  readonly id: string;
  /** Of this package. */
  readonly version: string;
  readonly images: Images;
  readonly containers: Containers;
  readonly execs: Execs;
  info(): Promise<EngineInfo>;
  /** Freed by ending the loop. A reader that falls too far behind is cut off with `exhausted`. */
  events(o?: WatchEvents): AsyncIterable<EngineEvent>;
}

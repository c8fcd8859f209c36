import type { DriverContext } from './common.ts';
import type { Host } from './host.ts';
import type { LogDriver } from './log.ts';
import type { NetworkDriver } from './network.ts';
import type { Runtime } from './runtime.ts';
import type { StorageDriver } from './storage.ts';
import type { VolumeDriver } from './volume.ts';

/** The seams. */
export interface Kinds {
  readonly storage: StorageDriver;
  readonly network: NetworkDriver;
  readonly volume: VolumeDriver;
  readonly log: LogDriver;
  readonly runtime: Runtime;
  readonly host: Host;
}

/** The version of the seams that this package describes. */
export const apiVersion = 1;

/** Whether a driver can work here; `reason` is a sentence for humans, with what to do about it. */
export type ProbeResult = { ok: true } | { ok: false; reason: string };

/**
 * How a driver is published: a package's default export is one of these, or an array with one of each kind. Importing
 * the package has no effects; all begins with `open()`.
 *
 * @typeParam O The options, as `optionsSchema` allows them.
 */
export interface Plugin<K extends keyof Kinds = keyof Kinds, O = unknown> {
  /** The version of the seams that it was written for. */
  readonly apiVersion: 1;
  readonly kind: K;
  /** Short and stable, `[a-z0-9-]`: state is kept under it. */
  readonly name: string;
  /** JSON Schema of the options, an object; they are checked against it before `probe` and `open`. */
  readonly optionsSchema: object;
  /** Tells whether the driver can work here, and leaves nothing behind. Does not reject. */
  probe(c: DriverContext, options: O): Promise<ProbeResult>;
  /**
   * A ready driver. Bounded (250 ms) whatever the state on disk: renames debris aside, `gc()` deletes it. A damaged
   * item is reported by `check()`, and never fails `open()`.
   */
  open(c: DriverContext, options: O): Promise<Kinds[K]>;
}

/** What a package exports by default. */
export type PluginModule = Plugin | readonly Plugin[];

/**
 * A plugin of this API version; fixes the types of its options and its driver.
 *
 * @example
 * export default definePlugin<'storage', { mountOptions?: string[] }>({
 *   kind: 'storage',
 *   name: 'overlay',
 *   optionsSchema: { type: 'object', additionalProperties: false, properties: { mountOptions: { type: 'array' } } },
 *   probe: async () => ({ ok: true }),
 *   open: async (context, options) => openStorage(context, options),
 * });
 */
export function definePlugin<K extends keyof Kinds, O = Record<string, never>>(plugin: Omit<Plugin<K, O>, 'apiVersion'>): Plugin<K, O> {
  return Object.freeze({ apiVersion, ...plugin });
}

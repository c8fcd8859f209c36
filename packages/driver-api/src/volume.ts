import type { Call, Driver, IdMap, Strings, Time } from './common.ts';

/** What a volume driver can do. */
export interface VolumeCapabilities {
  /** `global`: the same name means the same data on every host. */
  readonly scope: 'local' | 'global';
  /** `fill()` and `filled()` are understood. */
  readonly fill: boolean;
  /** `mount()` takes `idmap`. */
  readonly idmap: boolean;
  /** `sizeLimit` is enforced. */
  readonly quota: boolean;
  /** `snapshot()` is understood. */
  readonly snapshot: boolean;
}

/**
 * Folders of data that outlive containers. A volume describes itself on disk: data that the engine does not know is
 * reported by `check()` and quarantined, never deleted.
 */
export interface VolumeDriver extends Driver {
  /** Constant for the life of the driver. */
  readonly capabilities: VolumeCapabilities;

  /** The completed spec. Has no effect. @throws invalid: names the option. */
  validate(s: VolumeSpec): Promise<VolumeSpec>;

  /** Durable when resolved. G2 compares labels, options and the limit. @throws invalid. conflict */
  create(s: VolumeSpec, o?: Call): Promise<Volume>;

  /** @throws notFound */
  get(name: string): Promise<Volume>;

  /** All volumes, in no order. */
  list(o?: Call): AsyncIterable<Volume>;

  /** Makes the data visible for a holder, at the same path for all. The holder is on record before. @throws notFound */
  mount(name: string, holder: string, o?: Call & { idmap?: IdMap }): Promise<{ path: string }>;

  /** Ends one hold (G3). */
  release(name: string, holder: string): Promise<void>;

  /**
   * Copy-up of an image's content into a new volume: one caller gets a staging folder, others wait for it. `open()`
   * empties an unfinished one.
   *
   * @returns `null`: the volume is not empty, or was filled before.
   * @throws notFound. notImplemented
   */
  fill(name: string, o?: Call): Promise<{ path: string } | null>;

  /** The staging folder becomes the content. Takes no signal. @throws notFound. conflict: no `fill()` is under way. notImplemented */
  filled(name: string): Promise<void>;

  /** A new volume with the same data. @throws notFound. conflict. notImplemented */
  snapshot(name: string, as: VolumeSpec, o?: Call): Promise<Volume>;

  /** Bytes allocated, in whole blocks. @throws notFound */
  usage(name: string, o?: Call): Promise<{ bytes: number; inodes: number }>;

  /** Resolves when absent (G3). @param o.force Also when the data behind it cannot be reached. @throws conflict: it has holders. */
  remove(name: string, o?: { force?: boolean }): Promise<void>;
}

/** What a volume is to be. */
export interface VolumeSpec {
  readonly name: string;
  readonly labels: Strings;
  /** The driver's own; unknown ones are kind `invalid`. */
  readonly options: Strings;
  /** Bytes (capability `quota`). */
  readonly sizeLimit?: number;
}

/** What a volume is. */
export interface Volume extends VolumeSpec {
  readonly createdAt: Time;
  /** Absent while it is not mounted, for drivers that have no fixed place. */
  readonly mountpoint?: string;
  /** Who holds it now, in no order. */
  readonly holders: string[];
  /** For humans. */
  readonly status: Strings;
}

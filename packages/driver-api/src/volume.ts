import type { Call, Driver, IdMap, Strings, Time } from './common.ts';

export interface VolumeDriver extends Driver {
  readonly capabilities: { scope: 'local' | 'global'; fill: boolean; idmap: boolean; quota: boolean; snapshot: boolean };
  validate(s: VolumeSpec): Promise<VolumeSpec>;
  /** Durable when resolved. A volume describes itself on disk: data without an engine row is reported by check(), never deleted. */
  create(s: VolumeSpec, o?: Call): Promise<Volume>;
  get(name: string): Promise<Volume>;
  list(o?: Call): AsyncIterable<Volume>;
  mount(name: string, holder: string, o?: Call & { idmap?: IdMap }): Promise<{ path: string }>;
  release(name: string, holder: string): Promise<void>;
  /** Copy-up. Staging folder for one caller; null: not empty, or filled before. Others wait. open() empties an unfinished one. */
  fill(name: string, o?: Call): Promise<{ path: string } | null>;
  /** Staging becomes the content; no signal */
  filled(name: string): Promise<void>;
  snapshot(name: string, as: VolumeSpec, o?: Call): Promise<Volume>;
  usage(name: string, o?: Call): Promise<{ bytes: number; inodes: number }>;
  /** Conflict: holders */
  remove(name: string, o?: { force?: boolean }): Promise<void>;
}
export interface VolumeSpec {
  readonly name: string;
  readonly labels: Strings;
  readonly options: Strings;
  readonly sizeLimit?: number;
}
export interface Volume extends VolumeSpec {
  readonly createdAt: Time;
  readonly mountpoint?: string;
  readonly holders: string[];
  readonly status: Strings;
}

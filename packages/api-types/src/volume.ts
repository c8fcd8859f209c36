import type { StringMap } from './common.ts';

/** Sizes in bytes; -1 where it was not counted. */
export interface Volume {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly CreatedAt?: string;
  readonly Status?: Readonly<Record<string, unknown>>;
  readonly Labels: StringMap | null;
  readonly Scope: 'local' | 'global';
  /** Of a swarm only. */
  readonly ClusterVolume?: unknown;
  readonly Options: StringMap | null;
  readonly UsageData?: { readonly Size: number; readonly RefCount: number } | null;
}

export interface VolumeListResponse {
  readonly Volumes: readonly Volume[];
  readonly Warnings: readonly string[] | null;
}

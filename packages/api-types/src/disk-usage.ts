import type { ContainerSummary } from './container.ts';
import type { ImageSummary } from './image.ts';
import type { Volume } from './volume.ts';

/** The disk that one sort of thing takes, in bytes; `Items` when `verbose` was asked for. */
export interface UsageOf<T> {
  readonly ActiveCount: number;
  readonly TotalCount: number;
  readonly Reclaimable: number;
  readonly TotalSize: number;
  readonly Items?: readonly T[];
}

export type ImagesDiskUsage = UsageOf<ImageSummary>;
export type ContainersDiskUsage = UsageOf<ContainerSummary>;
export type VolumesDiskUsage = UsageOf<Volume>;
export type BuildCacheDiskUsage = UsageOf<unknown>;

/** `GET /system/df`. The second half is what API versions below 1.53 answered. */
export interface SystemDataUsageResponse {
  readonly ImageUsage?: ImagesDiskUsage;
  readonly ContainerUsage?: ContainersDiskUsage;
  readonly VolumeUsage?: VolumesDiskUsage;
  readonly BuildCacheUsage?: BuildCacheDiskUsage;
  readonly LayersSize?: number;
  readonly Images?: readonly ImageSummary[] | null;
  readonly Containers?: readonly ContainerSummary[] | null;
  readonly Volumes?: readonly Volume[] | null;
  readonly BuildCache?: readonly unknown[] | null;
}

import type { DriverData, OCIDescriptor, OCIPlatform, StringMap } from './common.ts';
import type { ContainerConfig, HealthConfig } from './container-config.ts';

/** An image in `GET /images/json`. Sizes in bytes, -1 where it was not asked for or is not known; `Created` in Unix seconds. */
export interface ImageSummary {
  readonly Id: string;
  readonly ParentId: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Created: number;
  readonly Size: number;
  readonly SharedSize: number;
  /** API below 1.44: the same as `Size`. */
  readonly VirtualSize?: number;
  readonly Labels: StringMap | null;
  /** How many containers use it; -1 below API 1.51. */
  readonly Containers: number;
  readonly Manifests?: readonly ImageManifestSummary[];
  readonly Descriptor?: OCIDescriptor | null;
}

/** One manifest of an image, when `manifests` was asked for. Sizes in bytes. */
export interface ImageManifestSummary {
  readonly ID: string;
  readonly Descriptor: OCIDescriptor;
  readonly Available: boolean;
  readonly Size: { readonly Total: number; readonly Content: number };
  readonly Kind: 'image' | 'attestation' | 'unknown';
  readonly ImageData?: {
    readonly Platform: OCIPlatform;
    readonly Containers: readonly string[];
    readonly Size: { readonly Unpacked: number };
    readonly Identity?: Identity | null;
  } | null;
  readonly AttestationData?: { readonly For: string } | null;
}

/** What the engine itself verified about where an image is from. */
export interface Identity {
  readonly Signature?: readonly unknown[];
  readonly Pull?: readonly { readonly Repository?: string }[];
  readonly Build?: readonly { readonly Ref?: string; readonly CreatedAt?: string }[];
}

/** The part of an image's configuration that containers start from. */
export interface ImageConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, Readonly<Record<string, never>>>> | null;
  readonly Env?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Healthcheck?: HealthConfig;
  readonly ArgsEscaped?: boolean | null;
  readonly Volumes?: Readonly<Record<string, Readonly<Record<string, never>>>> | null;
  readonly WorkingDir?: string;
  readonly Entrypoint?: readonly string[] | null;
  readonly OnBuild?: readonly string[] | null;
  readonly Labels?: StringMap | null;
  readonly StopSignal?: string | null;
  readonly Shell?: readonly string[] | null;
}

/** `GET /images/{name}/json`. `Size` in bytes, times in RFC 3339. */
export interface ImageInspect {
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Descriptor?: OCIDescriptor | null;
  readonly Manifests?: readonly ImageManifestSummary[] | null;
  readonly Identity?: Identity | null;
  /** API below 1.52, else only when set. */
  readonly Parent?: string;
  readonly Comment?: string | null;
  readonly Created?: string | null;
  /** API below 1.45. */
  readonly Container?: string;
  /** API below 1.45. */
  readonly ContainerConfig?: ContainerConfig;
  /** API below 1.52. */
  readonly DockerVersion?: string;
  readonly Author?: string | null;
  /** API below 1.50 fills it up with empty fields of a container's configuration. */
  readonly Config: ImageConfig | ContainerConfig;
  readonly Architecture: string;
  readonly Variant?: string | null;
  readonly Os: string;
  readonly OsVersion?: string | null;
  readonly Size: number;
  /** API below 1.44: the same as `Size`. */
  readonly VirtualSize?: number;
  readonly GraphDriver?: DriverData | null;
  readonly RootFS: { readonly Type: string; readonly Layers?: readonly string[] };
  readonly Metadata: { readonly LastTagTime?: string | null };
}

/** A step in `GET /images/{name}/history`, newest first. `Created` in Unix seconds, `Size` in bytes. */
export interface ImageHistoryResponseItem {
  readonly Id: string;
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Tags: readonly string[] | null;
  readonly Size: number;
  readonly Comment: string;
}

/** One effect of `DELETE /images/{name}`, in the order it happened. */
export type ImageDeleteResponseItem =
  | { readonly Untagged: string; readonly Deleted?: never }
  | { readonly Deleted: string; readonly Untagged?: never };

/** `GET /distribution/{name}/json` */
export interface DistributionInspect {
  readonly Descriptor: OCIDescriptor;
  readonly Platforms: readonly OCIPlatform[];
}

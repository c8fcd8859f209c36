import type { Call } from '@gantry/driver-api';
import type { Descriptor, Digest, DiffID, ImageConfigDefaults, Platform } from '@gantry/oci';
import type { Time } from './given.ts';

/** For one registry: a name with a password, or a token. */
export interface RegistryAuth {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Refresh token of OAuth 2. */
  readonly identityToken?: string | undefined;
  /** Bearer token, sent as it is. */
  readonly registryToken?: string | undefined;
}

export type LayerPhase = 'waiting' | 'downloading' | 'downloaded' | 'extracting' | 'complete' | 'exists' | 'retrying';

export type PullProgress =
  | { readonly kind: 'resolving'; readonly reference: string }
  | {
      readonly kind: 'layer';
      readonly digest: Digest;
      readonly phase: LayerPhase;
      /** Bytes. */
      readonly current?: number;
      readonly total?: number;
      /** For `retrying`. */
      readonly seconds?: number;
    };

export interface PullImage extends Call {
  /** Absent: this machine's. */
  readonly platform?: Platform | undefined;
  readonly auth?: RegistryAuth | undefined;
  /** Called often; must not throw. */
  readonly onProgress?: ((p: PullProgress) => void) | undefined;
}

export interface PulledImage {
  /** As Docker shows it: `debian:12`. */
  readonly reference: string;
  /** What the reference names in the registry: the image's id. */
  readonly digest: Digest;
  /** False: it was here, unchanged. */
  readonly changed: boolean;
}

export interface ImageSummary {
  /** Digest of what was tagged or pulled: an image's manifest, or an index of several platforms. */
  readonly id: Digest;
  readonly target: Descriptor;
  /** `debian:12`. Empty: dangling. */
  readonly repoTags: readonly string[];
  /** `debian@sha256:...`. */
  readonly repoDigests: readonly string[];
  readonly createdAt: Time | null;
  /** Bytes on disk of the layers that are here, and documents. */
  readonly size: number;
  /** Bytes of layers that other images use too; -1: was not asked for. */
  readonly sharedSize: number;
  readonly labels: Readonly<Record<string, string>>;
  /** That were made of it, running or not. */
  readonly containers: number;
  /** The variants that are here. */
  readonly platforms: readonly Platform[];
}

export interface ImageDetails extends ImageSummary {
  /** The variant that is shown. */
  readonly manifest: Descriptor;
  readonly configDigest: Digest;
  readonly platform: Platform;
  readonly author: string;
  readonly comment: string;
  readonly config: ImageConfigDefaults;
  readonly layers: readonly DiffID[];
  readonly lastTaggedAt: Time | null;
  readonly storageDriver: string;
}

export interface ImageFilter {
  readonly dangling?: boolean | undefined;
  /** `key` or `key=value`; all must hold. */
  readonly labels?: readonly string[] | undefined;
  /** `debian`, `debian:1*`; any may match. */
  readonly references?: readonly string[] | undefined;
  /** Created before or after that image. */
  readonly before?: string | undefined;
  readonly since?: string | undefined;
  /** Created until then. */
  readonly until?: Time | undefined;
}

/** One step of a removal, in order: a name taken away, or an image that is gone. */
export type RemovedImage = { readonly untagged: string } | { readonly deleted: string };

export interface ImageHistory {
  /** Digest, or null where no image stands for that step. */
  readonly id: string | null;
  readonly createdAt: Time | null;
  readonly createdBy: string;
  readonly tags: readonly string[];
  /** Bytes of the step's layer. */
  readonly size: number;
  readonly comment: string;
}

/** Images. `ref` is a reference, an id with or without `sha256:`, or a prefix of one. */
export interface Images {
  /**
   * Brings an image here; concurrent pulls of the same share the work. Nothing half-pulled is ever visible; what an
   * interrupted pull downloaded is used by the next one.
   * @throws GantryError notFound, unauthenticated, forbidden, dataLoss, unavailable, aborted.
   */
  pull(ref: string, o?: PullImage): Promise<PulledImage>;
  list(o?: { readonly filter?: ImageFilter | undefined; readonly sharedSize?: boolean | undefined }): Promise<readonly ImageSummary[]>;
  /** @throws GantryError notFound `no-such-image`. */
  inspect(ref: string, o?: { readonly platform?: Platform | undefined }): Promise<ImageDetails>;
  /** @throws GantryError notFound `no-such-image`; conflict `image-in-use`. */
  remove(ref: string, o?: { readonly force?: boolean | undefined }): Promise<readonly RemovedImage[]>;
  /** @throws GantryError invalid `bad-reference`, notFound `no-such-image`. */
  tag(ref: string, name: string): Promise<void>;
  /** Newest first. */
  history(ref: string, o?: { readonly platform?: Platform | undefined }): Promise<readonly ImageHistory[]>;
}

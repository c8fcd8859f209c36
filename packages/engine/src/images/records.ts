import type { ChainID, Descriptor, Digest, DiffID, Platform } from '@gantry/oci';

/** One layer of a manifest, bottom first in its list. */
export interface LayerRecord {
  /** Of the bytes in the registry. */
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes in the registry. */
  readonly size: number;
  readonly diffId: DiffID;
  readonly chainId: ChainID;
}

/** An image for one platform, all of it here. */
export interface ManifestRecord {
  readonly descriptor: Descriptor;
  readonly configDigest: Digest;
  readonly platform: Platform;
  readonly createdAt: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly layers: readonly LayerRecord[];
}

/** What a user sees as an image. */
export interface ImageRecord {
  readonly id: Digest;
  readonly target: Descriptor;
  /** Order of arrival. */
  readonly seq: number;
  readonly taggedAt: string | null;
  /** Normalised references, sorted. */
  readonly names: readonly string[];
  /** The variants that are here; for an image of one platform itself. */
  readonly manifests: readonly ManifestRecord[];
}

/** The top of its layers; null: it has none. */
export function topChain(manifest: ManifestRecord): ChainID | null {
  return manifest.layers.at(-1)?.chainId ?? null;
}

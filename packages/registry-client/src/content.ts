import type { Descriptor, Digest } from '@gantry/oci';
import type { OnRetry } from './http/retry.ts';

export interface ContentCall {
  readonly signal?: AbortSignal | undefined;
}

export interface BlobRead extends ContentCall {
  /** Bytes to leave out at the start. Default 0. */
  readonly offset?: number | undefined;
  /** Told of each try that failed and is followed by another. */
  readonly onRetry?: OnRetry | undefined;
}

/** A manifest as it was found: nothing is verified yet. */
export interface RawManifest {
  /** Without parameters. */
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** By the source's own word, where it gives one. */
  readonly digest?: Digest | undefined;
}

/**
 * Where an image comes from: a repository of a registry, or anything else that has manifests and blobs, such as a folder
 * with an OCI image layout. Sources are not trusted: whatever they return is verified by who reads it.
 */
export interface ImageContent {
  /**
   * @param name a tag, or a digest.
   * @throws GantryError notFound; exhausted: more bytes than `max`.
   */
  manifest(name: string, o: ContentCall & { readonly max: number }): Promise<RawManifest>;
  /** What `manifest()` would return, without its bytes; undefined where the source cannot tell. */
  head?(name: string, o: ContentCall): Promise<Descriptor | undefined>;
  /** The blob's bytes from `offset` on; at most as many as the descriptor says. Each chunk is the consumer's to keep. */
  blob(descriptor: Descriptor, o: BlobRead): AsyncIterable<Uint8Array>;
  /** The same image from where it is authoritative, for bytes that proved wrong; undefined: there is no better source. */
  authority?(): ImageContent | undefined;
}

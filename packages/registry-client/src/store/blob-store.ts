import type { Digest } from '@gantry/oci';

/** One blob that a store has. */
export interface StoredBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/**
 * The start of a download that may be continued later, by this process or the next. Its bytes are only a hint: they may
 * be torn by a crash, and are verified together with the rest once the rest is there.
 */
export interface PartialBlob {
  /** Bytes that `read()` yields; grows with `append()`. */
  readonly size: number;
  /** From the first byte on. Each chunk is the consumer's to keep. */
  read(): AsyncIterable<Uint8Array>;
  /** Resolved: the chunk is the caller's again. Need not be durable. */
  append(chunk: Uint8Array): Promise<void>;
  /** Keeps what is there for the next `partial()` of that digest. Repeatable. */
  close(): Promise<void>;
  /** Removes it. Repeatable, also after `close()`. */
  discard(): Promise<void>;
}

/**
 * Where manifests and image configurations are kept, by digest, and the starts of interrupted downloads. Layers are not:
 * their bytes go to a `LayerSink`. Implemented by whoever owns the disk; `blobStoreContract` (in
 * `@gantry/registry-client/testing`) is its test suite. Every method rejects with `GantryError` only.
 */
export interface BlobStore {
  has(digest: Digest): Promise<boolean>;
  /** The exact bytes; undefined: not there. @throws GantryError exhausted `blob-too-large`: it has more than `max` bytes. */
  get(digest: Digest, o: { readonly max: number }): Promise<Uint8Array | undefined>;
  /**
   * Keeps the bytes under their digest. Atomic: at every moment, also after a crash, the blob is there in full or not at
   * all. Once resolved it is durable. Repeatable, also concurrently.
   * @throws GantryError dataLoss `digest-mismatch`: the bytes are not that digest's; nothing is kept.
   */
  put(digest: Digest, bytes: Uint8Array): Promise<void>;
  /** Resolves when absent. */
  delete(digest: Digest): Promise<void>;
  /** Every blob, in no order; partial downloads are none. */
  list(): AsyncIterable<StoredBlob>;
  /**
   * Continues the interrupted download of a blob, or starts one. Undefined: this store keeps no starts, or another caller
   * has this one open.
   */
  partial(digest: Digest): Promise<PartialBlob | undefined>;
}

import type { ChainID, Descriptor, DiffID } from '@gantry/oci';

/** One layer of an image that is being pulled. */
export interface PullLayer {
  /** Position in the image, from 0 at the bottom. */
  readonly index: number;
  /** As the registry has it: compressed. */
  readonly descriptor: Descriptor;
  /** Of its tar. */
  readonly diffId: DiffID;
  /** Of this layer with all below it: what it is known by once it stands. */
  readonly chainId: ChainID;
  /** The chain ID of the layers below; null at the bottom. */
  readonly parent: ChainID | null;
}

/** How a sink gets at the bytes of a layer. */
export interface LayerDownload {
  /**
   * Waits for a download slot, then yields the layer's tar, decompressed and verified (see `fetchLayer`): what was
   * consumed is good only once the loop ended without a throw. May be called again after a failure. A layer that is got
   * otherwise, because another pull is at it, need not be opened at all, and then takes no slot.
   * @param signal ends the download in place of the pull's own, for work that several pulls share.
   * @throws GantryError aborted.
   */
  open(o?: { readonly signal?: AbortSignal | undefined }): Promise<AsyncIterable<Uint8Array>>;
  readonly signal: AbortSignal;
}

/**
 * Where the layers of a pulled image go. `has` comes first, from the top of the image down; then every layer that is
 * not there is ingested, all at once, in any order; each is published after its own ingest and after the layer below it.
 */
export interface LayerSink {
  /** Does this layer stand, with all below it? Yes means that it stays at least until the pull ends. */
  has(layer: PullLayer): Promise<boolean>;
  /**
   * Takes in what `download.open()` yields. Resolved: it is complete and verified, though nobody sees it yet. Called again
   * where it rejected with `dataLoss` and there is hope: the bytes came from a mirror, or from an earlier download.
   */
  ingest(layer: PullLayer, download: LayerDownload): Promise<void>;
  /** Makes an ingested layer visible. A layer that stands meanwhile, made by another pull, is no error. */
  publish(layer: PullLayer): Promise<void>;
  /** The pull failed: what was ingested and is not published can go. Called once for each such layer. */
  discard(layer: PullLayer): Promise<void>;
}

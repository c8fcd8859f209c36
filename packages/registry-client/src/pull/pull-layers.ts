import { GantryError, isGantryError, toGantryError } from '@gantry/errors';
import type { ImageContent } from '../content.ts';
import { layerStream } from '../layer/layer-stream.ts';
import type { LayerDownload, PullLayer } from './layer-sink.ts';
import { throttled } from './progress.ts';
import type { PullMachinery, PullRequest } from './pull.ts';

/**
 * Brings the layers that are missing into the sink: all at once as far as slots allow, published from the bottom up.
 * On the first failure the others are aborted, and what was taken in and not published is discarded.
 */
export async function pullLayers(m: PullMachinery, request: PullRequest, layers: readonly PullLayer[]): Promise<void> {
  const missing = layers.slice(await countStanding(request, layers));
  for (const layer of missing) request.onProgress({ type: 'waiting', layer });
  const giveUp = new AbortController();
  const signal = request.signal === undefined ? giveUp.signal : AbortSignal.any([request.signal, giveUp.signal]);
  const ingests = missing.map((layer) => new LayerPull(m, request, layer, signal).run());
  const settled = Promise.allSettled(ingests);
  const failed = firstFailure(ingests);
  let published = 0;
  try {
    for (const [i, layer] of missing.entries()) {
      // Whichever layer fails first ends the pull, not the first of the failed ones.
      await Promise.race([ingests[i], failed]);
      await request.sink.publish(layer);
      published++;
      request.onProgress({ type: 'published', layer });
    }
  } catch (error) {
    giveUp.abort();
    const results = await settled;
    const unpublished = missing.filter((_, i) => i >= published && results[i]?.status === 'fulfilled');
    throw await discardAll(request, unpublished, error);
  } finally {
    giveUp.abort();
  }
}

/** Rejects with the first of them that does; never resolves. */
function firstFailure(work: readonly Promise<void>[]): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  for (const one of work) one.catch(reject);
  return promise;
}

/** How many layers, from the bottom, need nothing: a layer that stands has all below it. */
async function countStanding({ sink, onProgress }: PullRequest, layers: readonly PullLayer[]): Promise<number> {
  let standing = layers.length;
  for (let layer = layers[standing - 1]; layer !== undefined && !(await sink.has(layer)); layer = layers[standing - 1]) standing--;
  for (const layer of layers.slice(0, standing)) onProgress({ type: 'exists', layer });
  return standing;
}

/** Tries every one; returns the error that led here, with what else went wrong. */
async function discardAll({ sink }: PullRequest, layers: readonly PullLayer[], error: unknown): Promise<GantryError> {
  const first = toGantryError(error);
  const results = await Promise.allSettled(layers.map((layer) => sink.discard(layer)));
  const others = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (others.length === 0) return first;
  return new GantryError(first.kind, first.code, first.message, { details: first.details, cause: new AggregateError([first, ...others], 'a pull failed, and so did clearing up after it') });
}

/** One layer on its way from a source into the sink. */
class LayerPull {
  readonly #machinery: PullMachinery;
  readonly #request: PullRequest;
  readonly #layer: PullLayer;
  readonly #signal: AbortSignal;
  #isResumed = false;

  constructor(machinery: PullMachinery, request: PullRequest, layer: PullLayer, signal: AbortSignal) {
    this.#machinery = machinery;
    this.#request = request;
    this.#layer = layer;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    await this.#ingestFrom(this.#request.content);
    this.#request.onProgress({ type: 'ingested', layer: this.#layer });
  }

  async #ingestFrom(content: ImageContent): Promise<void> {
    this.#isResumed = false;
    try {
      await this.#request.sink.ingest(this.#layer, this.#download(content));
    } catch (error) {
      const other = isGantryError(error) && error.kind === 'dataLoss' ? this.#secondChance(content) : undefined;
      if (other === undefined) throw error;
      this.#machinery.options.log.warn({ digest: this.#layer.descriptor.digest }, 'a layer was damaged, fetching it again');
      await this.#ingestFrom(other);
    }
  }

  /** Who may have the right bytes after all. */
  #secondChance(content: ImageContent): ImageContent | undefined {
    // What an earlier download left may be torn. It is gone now, so this happens once.
    return this.#isResumed ? content : content.authority?.();
  }

  #download(content: ImageContent): LayerDownload {
    return { signal: this.#signal, open: (o) => this.#open(content, o?.signal ?? this.#signal) };
  }

  async #open(content: ImageContent, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { threads, slots, options } = this.#machinery;
    const { store, verifyDiffIds, onProgress } = this.#request;
    const layer = this.#layer;
    const { descriptor, diffId } = layer;
    const release = await slots.take(signal);
    // Who opens and does not read gives the slot back with its signal.
    signal.addEventListener('abort', release, { once: true });
    const total = descriptor.size;
    const stream = layerStream(threads, content, descriptor, {
      diffId: verifyDiffIds ? diffId : undefined,
      maxBytes: options.limits.layerBytes,
      store,
      signal,
      onBytes: throttled(total, (bytes) => onProgress({ type: 'downloading', layer, bytes, total })),
      onRetry: ({ delayMs, error }) => onProgress({ type: 'retrying', layer, delayMs, code: error.code }),
      onResume: () => {
        this.#isResumed = true;
      },
    });
    return releasing(stream, () => {
      signal.removeEventListener('abort', release);
      release();
    });
  }
}

async function* releasing(stream: AsyncIterable<Uint8Array>, release: () => void): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* stream;
  } finally {
    release();
  }
}

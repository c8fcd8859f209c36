import { toGantryError, type GantryError } from '@gantry/errors';
import { parseReference, withDefaultTag, type Descriptor, type DiffID, type Platform, type Reference } from '@gantry/oci';
import type { CredentialSource } from './auth/credentials.ts';
import { AuthSession } from './auth/session.ts';
import { collectBlob } from './blob/collect.ts';
import type { ImageContent } from './content.ts';
import { Registry } from './http/registry.ts';
import { layerStream } from './layer/layer-stream.ts';
import type { FetchedManifest } from './manifest/fetched.ts';
import { DocumentParser } from './manifest/parser.ts';
import { fetchManifest, resolveImage, type ResolveContext, type ResolvedImage } from './manifest/resolve.ts';
import { resolveOptions, type RegistryClientOptions, type ResolvedOptions } from './options.ts';
import type { LayerSink } from './pull/layer-sink.ts';
import type { OnProgress } from './pull/progress.ts';
import { pullImage, type PulledImage } from './pull/pull.ts';
import { Slots } from './pull/slots.ts';
import { RegistryContent } from './registry-content.ts';
import { Repository } from './repository.ts';
import type { BlobStore } from './store/blob-store.ts';
import { Threads } from './threads/threads.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** In place of the client's, with tokens of their own: for a server that acts for many users. */
  readonly credentials?: CredentialSource | undefined;
}

export interface ResolveOptions extends CallOptions {
  /** Default: this machine's. */
  readonly platform?: Platform | undefined;
}

export interface BlobOptions extends CallOptions {
  /** Bytes; a larger blob is refused before it is fetched. Default: the limit for configurations. */
  readonly max?: number | undefined;
}

export interface LayerOptions extends CallOptions {
  /** What the tar must hash to. Default: not verified (the compressed bytes always are). */
  readonly diffId?: DiffID | undefined;
  /** Bytes, uncompressed. Default: the client's limit. */
  readonly maxBytes?: number | undefined;
  /** Keeps the start of an interrupted download, and goes on from there. A start that proves wrong (dataLoss) is gone: the next call begins anew. */
  readonly store?: BlobStore | undefined;
  /** Compressed bytes that are here, of how many. Called for each piece; must not throw. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined;
  /** Before each further try; must not throw. */
  readonly onRetry?: ((retry: { readonly failures: number; readonly delayMs: number; readonly error: GantryError }) => void) | undefined;
}

export interface PullOptions extends CallOptions {
  /**
   * Default: this machine's; an image without an index is then taken whatever it is for. Given: an image for another
   * platform is `notFound`.
   */
  readonly platform?: Platform | undefined;
  readonly layers: LayerSink;
  /** For manifests, configurations and interrupted downloads. Default: nothing is kept. */
  readonly store?: BlobStore | undefined;
  /** False where the sink verifies diff IDs itself, which saves a pass over the bytes. Default true. */
  readonly verifyDiffIds?: boolean | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Where to take the image from. Default: the registry that the reference names. */
  readonly from?: ImageContent | undefined;
}

/**
 * A client of OCI and Docker registries. References are texts as Docker takes them, or parsed ones; without tag and
 * digest they mean `latest`. Methods may be called concurrently, and reject with `GantryError` only; those that reach a
 * registry throw, besides what they name:
 *
 * - notFound, forbidden `pull-access-denied`; unauthenticated `login-failed`, `login-required`, `credentials-failed`
 * - forbidden `realm-not-trusted`, `realm-refused`, `redirect-refused`
 * - exhausted `rate-limited` (`details.retryAfterMs`), `response-too-large`
 * - unavailable, with a code that says how the connection failed; timeout `connection-timeout`; aborted
 * - invalid `bad-reference`, `bad-host`
 */
export interface RegistryClient extends AsyncDisposable {
  /**
   * What a reference names, by the registry's own word: without its bytes nothing can be verified. For questions such as
   * "is there something newer?".
   * @throws GantryError notFound `manifest-unknown`, `repository-unknown`.
   */
  head(ref: string | Reference, o?: CallOptions): Promise<Descriptor>;
  /**
   * The manifest or index that a reference names, verified.
   * @throws GantryError notFound `manifest-unknown`, `repository-unknown`; dataLoss `digest-mismatch`; invalid
   * `bad-manifest`, `manifest-schema1`, `unsupported-media-type`.
   */
  fetchManifest(ref: string | Reference, o?: CallOptions): Promise<FetchedManifest>;
  /** The same, and down to the manifest for one platform. @throws GantryError notFound `no-matching-manifest`; invalid `index-too-deep`, `media-type-mismatch`; as `fetchManifest`. */
  resolve(ref: string | Reference, o?: ResolveOptions): Promise<ResolvedImage>;
  /** A small blob of the reference's repository, verified. @throws GantryError notFound `blob-unknown`; exhausted `blob-too-large`; dataLoss. */
  fetchBlob(ref: string | Reference, blob: Descriptor, o?: BlobOptions): Promise<Uint8Array>;
  /**
   * A layer's tar: decompressed, hashed and checked in a thread as it arrives, with back-pressure down to the socket. An
   * interrupted connection is resumed where it stopped. Only who sees the loop end without a throw has the layer; what
   * was yielded before a throw must be discarded. Each piece (256 KiB, the last less) is the consumer's to keep.
   * @throws GantryError (while iterating) notFound `blob-unknown`; dataLoss `digest-mismatch`, `size-mismatch`,
   * `diff-id-mismatch`, `layer-corrupt`, `blob-truncated`; exhausted `layer-too-large`, `layer-too-many-frames`; invalid
   * `unsupported-layer-type`.
   */
  fetchLayer(ref: string | Reference, layer: Descriptor, o?: LayerOptions): AsyncIterable<Uint8Array>;
  /**
   * Brings an image here: its documents into the store, its missing layers into the sink. Everything is verified; all that
   * can be checked before the first layer is. A failure leaves what was published, and the store's blobs.
   * @throws GantryError invalid `not-an-image`, `bad-image-config`, `layer-count-mismatch`; notFound `platform-mismatch`;
   * what `sink` and `store` throw; as `resolve` and `fetchLayer`.
   */
  pull(ref: string | Reference, o: PullOptions): Promise<PulledImage>;
}

/**
 * Makes a client. It opens nothing until it is used, and keeps no process alive; disposing it ends its connections and
 * threads.
 * @throws GantryError invalid `bad-option`, `bad-host`, `bad-mirror`.
 */
export function createRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  return new Client(options, resolveOptions(options));
}

class Client implements RegistryClient {
  readonly #options: ResolvedOptions;
  readonly #registry: Registry;
  readonly #session: AuthSession;
  readonly #threads: Threads;
  readonly #parser: DocumentParser;
  readonly #slots: Slots;

  constructor(given: RegistryClientOptions, options: ResolvedOptions) {
    this.#options = options;
    this.#registry = new Registry(given, options);
    this.#session = new AuthSession(this.#registry.transport, this.#registry.realms, given.credentials);
    this.#threads = new Threads(options.maxThreads);
    this.#parser = new DocumentParser(this.#threads);
    this.#slots = new Slots(options.maxConcurrentDownloads);
  }

  async head(ref: string | Reference, o: CallOptions = {}): Promise<Descriptor> {
    const reference = referenceOf(ref);
    const name = nameOf(reference);
    const said = await typed(this.#content(reference, o).head(name, { signal: o.signal }));
    return said ?? (await this.fetchManifest(reference, o)).descriptor;
  }

  async fetchManifest(ref: string | Reference, o: CallOptions = {}): Promise<FetchedManifest> {
    const reference = referenceOf(ref);
    return typed(fetchManifest(this.#context(this.#content(reference, o), o), nameOf(reference), { digest: reference.digest }));
  }

  async resolve(ref: string | Reference, o: ResolveOptions = {}): Promise<ResolvedImage> {
    const reference = referenceOf(ref);
    return typed(resolveImage(this.#context(this.#content(reference, o), o), reference, o.platform));
  }

  async fetchBlob(ref: string | Reference, blob: Descriptor, o: BlobOptions = {}): Promise<Uint8Array> {
    return typed(collectBlob(this.#threads, this.#content(referenceOf(ref), o), blob, { max: o.max ?? this.#options.limits.configBytes, signal: o.signal }));
  }

  fetchLayer(ref: string | Reference, layer: Descriptor, o: LayerOptions = {}): AsyncIterable<Uint8Array> {
    const { diffId, store, signal, onProgress, onRetry, maxBytes = this.#options.limits.layerBytes } = o;
    return layerStream(this.#threads, this.#content(referenceOf(ref), o), layer, {
      diffId,
      maxBytes,
      store,
      signal,
      onBytes: (bytes) => onProgress?.(bytes, layer.size),
      onRetry: (retry) => onRetry?.(retry),
      onResume: () => undefined,
    });
  }

  async pull(ref: string | Reference, o: PullOptions): Promise<PulledImage> {
    const reference = referenceOf(ref);
    const machinery = { threads: this.#threads, parser: this.#parser, slots: this.#slots, options: this.#options };
    const pulling = pullImage(machinery, {
      reference,
      platform: o.platform,
      content: o.from ?? this.#content(reference, o),
      sink: o.layers,
      store: o.store,
      verifyDiffIds: o.verifyDiffIds ?? true,
      signal: o.signal,
      onProgress: (event) => o.onProgress?.(event),
    });
    return typed(pulling);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#registry.close();
    await this.#threads.close();
  }

  #content(reference: Reference, o: CallOptions): RegistryContent {
    const session = o.credentials === undefined ? this.#session : new AuthSession(this.#registry.transport, this.#registry.realms, o.credentials);
    return new RegistryContent(new Repository(this.#registry, session, reference), this.#options);
  }

  #context(content: ImageContent, o: CallOptions): ResolveContext {
    return { content, parser: this.#parser, log: this.#options.log, max: this.#options.limits.manifestBytes, store: undefined, signal: o.signal };
  }
}

/** What a store, a sink or a source of the caller's throws may be anything: from here on it is a GantryError. */
async function typed<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw toGantryError(error);
  }
}

function referenceOf(ref: string | Reference): Reference {
  return withDefaultTag(typeof ref === 'string' ? parseReference(ref) : ref);
}

function nameOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}

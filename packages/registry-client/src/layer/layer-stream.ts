import { GantryError, toGantryError } from '@gantry/errors';
import { compressionOf, quoted, type Compression, type Descriptor, type DiffID } from '@gantry/oci';
import { withPartial } from '../blob/with-partial.ts';
import type { ImageContent } from '../content.ts';
import type { OnRetry } from '../http/retry.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { Threads } from '../threads/threads.ts';
import { decodeStream } from './decode-stream.ts';

export interface LayerStreamOptions {
  /** What the tar must hash to; undefined: whoever takes it in verifies that. */
  readonly diffId: DiffID | undefined;
  readonly maxBytes: number;
  /** Keeps the start of a download that is interrupted. */
  readonly store: BlobStore | undefined;
  readonly signal: AbortSignal | undefined;
  /** Bytes so far, compressed, with those that an earlier download left. */
  readonly onBytes: (bytes: number) => void;
  readonly onRetry: OnRetry;
  /** The start of an earlier download is used. */
  readonly onResume: () => void;
}

/** Below this, starting anew is as good as going on. */
const partialFrom = 1024 ** 2;
/** Failures that show the bytes themselves to be wrong: their start is of no use to anybody. */
const worthless: ReadonlySet<string> = new Set(['digest-mismatch', 'diff-id-mismatch', 'size-mismatch', 'layer-corrupt', 'layer-too-large', 'layer-too-many-frames']);

/** @throws GantryError invalid `unsupported-layer-type`. */
export function layerCompression(descriptor: Descriptor): Compression {
  const compression = compressionOf(descriptor.mediaType);
  if (compression !== undefined) return compression;
  throw new GantryError('invalid', 'unsupported-layer-type', `a layer of type ${quoted(descriptor.mediaType)} cannot be unpacked: expected a tar, plain or compressed by gzip or zstd`, {
    details: { digest: descriptor.digest, mediaType: descriptor.mediaType },
  });
}

/** A layer's tar from any source, verified on the way; see `decodeLayer` for what is thrown. */
export async function* layerStream(threads: Threads, content: ImageContent, descriptor: Descriptor, o: LayerStreamOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { digest, size } = descriptor;
  const job = { digest, size, compression: layerCompression(descriptor), diffId: o.diffId ?? null, maxBytes: o.maxBytes };
  const partial = size < partialFrom ? undefined : await o.store?.partial(digest);
  if (partial !== undefined && partial.size > 0) o.onResume();
  const open = (signal: AbortSignal): AsyncIterable<Uint8Array> => {
    const from = (offset: number): AsyncIterable<Uint8Array> => content.blob(descriptor, { offset, signal, onRetry: o.onRetry });
    return counted(partial === undefined ? from(0) : withPartial(partial, descriptor, from), o.onBytes);
  };
  try {
    yield* decodeStream(threads, open, job, o.signal);
    await partial?.discard();
  } catch (error) {
    const failure = toGantryError(error);
    if (worthless.has(failure.code)) await partial?.discard();
    throw failure;
  } finally {
    await partial?.close();
  }
}

async function* counted(chunks: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    yield chunk;
    onBytes(bytes);
  }
}

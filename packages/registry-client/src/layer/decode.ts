import { createHash, type Hash } from 'node:crypto';
import { GantryError } from '@gantry/errors';
import type { Compression, Digest, DiffID } from '@gantry/oci';
import { inflate } from './inflate.ts';

/** What a stream of compressed bytes is to be. Plain data: it crosses threads. */
export interface DecodeJob {
  /** Of the compressed bytes. */
  readonly digest: Digest;
  readonly size: number;
  readonly compression: Compression;
  /** Of the uncompressed bytes; null: not verified. */
  readonly diffId: DiffID | null;
  /** Of the uncompressed bytes. */
  readonly maxBytes: number;
}

/** Of one piece of output. */
const blockSize = 256 * 1024;

function hexOf(hash: Hash): Digest {
  return `sha256:${hash.digest('hex')}`;
}

/** Passes bytes on, and throws in place of their end if they were not what they should be. */
async function* verify(input: AsyncIterable<Uint8Array>, job: DecodeJob): AsyncGenerator<Uint8Array, void, undefined> {
  const { digest, size } = job;
  const hash = createHash('sha256');
  let seen = 0;
  for await (const chunk of input) {
    seen += chunk.length;
    if (seen > size) break;
    hash.update(chunk);
    yield chunk;
  }
  if (seen !== size) throw new GantryError('dataLoss', 'size-mismatch', `${digest} should have ${size} bytes, but has ${seen > size ? 'more' : seen}`, { details: { digest, size } });
  const found = hexOf(hash);
  if (found !== digest) throw new GantryError('dataLoss', 'digest-mismatch', `a layer should be ${digest}, but what came is ${found}`, { details: { expected: digest, digest: found } });
}

/**
 * Copies into blocks that nothing else refers to, so that they can be handed to another thread: the decompressor's own
 * chunks are windows into a buffer that it goes on filling.
 */
async function* intoBlocks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let block = Buffer.allocUnsafeSlow(blockSize);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + blockSize - filled);
      block.set(piece, filled);
      at += piece.length;
      filled += piece.length;
      if (filled < blockSize) continue;
      yield block;
      block = Buffer.allocUnsafeSlow(blockSize);
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

/**
 * Turns a layer's compressed bytes into its tar. Verifies digest and size of the former, limit and diff ID of the latter
 * in the same pass: whoever saw the end of the output has seen what the image means, whoever got an error must throw away
 * what came before. Each piece of output has a buffer of its own.
 * @throws GantryError dataLoss `size-mismatch`, `digest-mismatch`, `diff-id-mismatch`, `layer-corrupt`; exhausted
 * `layer-too-large`, `layer-too-many-frames`.
 */
export async function* decodeLayer(input: AsyncIterable<Uint8Array>, job: DecodeJob): AsyncGenerator<Uint8Array, void, undefined> {
  const { compression, diffId, maxBytes } = job;
  const verified = verify(input, job);
  const blocks = compression === 'none' ? verified : intoBlocks(inflate(verified, compression));
  // Of uncompressed layers both digests are one.
  const hash = diffId === null || (compression === 'none' && diffId === job.digest) ? undefined : createHash('sha256');
  let bytes = 0;
  for await (const block of blocks) {
    bytes += block.length;
    if (bytes > maxBytes) throw new GantryError('exhausted', 'layer-too-large', `the layer ${job.digest} has more than the ${maxBytes} bytes that are allowed uncompressed`, { details: { digest: job.digest, max: maxBytes } });
    hash?.update(block);
    yield block;
  }
  if (hash === undefined) return;
  const found = hexOf(hash);
  if (found !== diffId) throw new GantryError('dataLoss', 'diff-id-mismatch', `the layer ${job.digest} should unpack to ${diffId ?? ''}, but unpacks to ${found}`, { details: { expected: diffId, digest: found } });
}

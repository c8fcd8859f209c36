import { GantryError } from '@gantry/errors';
import { digestOf, type Descriptor } from '@gantry/oci';
import type { ImageContent } from '../content.ts';
import { decodeStream } from '../layer/decode-stream.ts';
import type { Threads } from '../threads/threads.ts';

/** Hashing this takes less than a millisecond; what is larger is hashed in a thread. */
const smallBytes = 256 * 1024;

/**
 * A blob as a whole, verified.
 * @throws GantryError exhausted `blob-too-large`; dataLoss `digest-mismatch`, `size-mismatch`; what the source throws.
 */
export async function collectBlob(threads: Threads, content: ImageContent, descriptor: Descriptor, o: { readonly max: number; readonly signal: AbortSignal | undefined }): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  if (size > o.max) throw new GantryError('exhausted', 'blob-too-large', `${digest} has ${size} bytes, more than the ${o.max} that are allowed for this`, { details: { digest, size, max: o.max } });
  const read = (signal: AbortSignal | undefined): AsyncIterable<Uint8Array> => content.blob(descriptor, { signal });
  if (size > smallBytes) {
    const job = { digest, size, compression: 'none' as const, diffId: null, maxBytes: size };
    return concat(decodeStream(threads, read, job, o.signal), size);
  }
  const bytes = await concat(read(o.signal), size);
  const found = digestOf(bytes);
  if (bytes.length !== size) throw new GantryError('dataLoss', 'size-mismatch', `${digest} should have ${size} bytes, but has ${bytes.length}`, { details: { digest, size } });
  if (found !== digest) throw new GantryError('dataLoss', 'digest-mismatch', `what came for ${digest} is ${found}`, { details: { expected: digest, digest: found } });
  return bytes;
}

/** Stops beyond `max` bytes: one byte more is as wrong as any number. */
async function concat(chunks: AsyncIterable<Uint8Array>, max: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length > max) break;
  }
  return Buffer.concat(parts, length);
}

import type { Descriptor } from '@gantry/oci';
import type { PartialBlob } from '../store/blob-store.ts';

/**
 * A blob's bytes: first those that an earlier download left, then the rest from `open`, which are added to them.
 * @param open the blob's bytes from an offset on.
 */
export async function* withPartial(partial: PartialBlob, descriptor: Descriptor, open: (offset: number) => AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const known = Math.min(partial.size, descriptor.size);
  let offset = 0;
  for await (const chunk of partial.read()) {
    const bytes = chunk.subarray(0, known - offset);
    offset += bytes.length;
    yield bytes;
    if (offset === known) break;
  }
  for await (const chunk of open(offset)) {
    await partial.append(chunk);
    yield chunk;
  }
}

import { GantryError } from '@gantry/errors';
import type { Descriptor, Digest } from '@gantry/oci';
import type { BlobRead } from '../content.ts';
import type { HttpResponse } from '../http/response.ts';
import { delayBefore, isTransient, sleep } from '../http/retry.ts';
import type { ClientLog } from '../log.ts';
import type { RetryPolicy } from '../options.ts';
import type { Repository } from '../repository.ts';
import { isRangeFrom } from './content-range.ts';

/** A try that got on by this much was no failure: who drops connections may do so any number of times on a large blob. */
const progressBytes = 1024 ** 2;

/**
 * The bytes of a blob from an offset on, over as many connections as it takes. Ends after exactly `descriptor.size`
 * bytes in all; their digest is not checked here.
 * @throws GantryError dataLoss `size-mismatch` as soon as the server shows that it has another size, `blob-truncated`
 * where it keeps sending less; and what `Repository.blob` and `HttpResponse.chunks` throw, once trying again is no use.
 */
export async function* readBlob(repository: Repository, descriptor: Descriptor, o: BlobRead & { readonly retries: RetryPolicy; readonly log: ClientLog }): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = o.offset ?? 0;
  let failures = 0;
  let mark = offset;
  let source = repository;
  while (offset < descriptor.size) {
    try {
      for await (const chunk of readFrom(source, descriptor, offset, o.signal)) {
        offset += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (offset - mark >= progressBytes) failures = 0;
      failures++;
      if (failures >= o.retries.attempts || !isTransient(error, offset > 0)) throw error;
      mark = offset;
      // A mirror had its chance.
      source = source.withoutMirrors() ?? source;
      const delayMs = delayBefore(o.retries, failures, error);
      if (delayMs === undefined) throw error;
      o.log.warn({ digest: descriptor.digest, offset, code: error.code, failures, delayMs: Math.round(delayMs) }, 'a download was interrupted, resuming');
      o.onRetry?.({ failures, delayMs, error });
      await sleep(delayMs, o.signal);
    }
  }
}

/** One connection's worth. */
async function* readFrom(repository: Repository, { digest, size }: Descriptor, offset: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  const { response, skip: before } = await openAt(repository, digest, offset, size, signal);
  const wrongSize = (has: string): GantryError => new GantryError('dataLoss', 'size-mismatch', `${digest} should have ${size} bytes, but ${response.url.host} has ${has}`, { details: { digest, size } });
  let skip = before;
  let left = size - offset;
  if (response.length !== undefined && response.length !== left + skip) {
    await response.discard();
    throw wrongSize(`${response.length - skip + offset}`);
  }
  for await (const chunk of response.chunks()) {
    const news = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - news.length;
    if (news.length === 0) continue;
    if (news.length > left) throw wrongSize('more');
    left -= news.length;
    yield news;
  }
  if (left > 0) throw new GantryError('dataLoss', 'blob-truncated', `${response.url.host} ended ${digest} ${left} bytes too early`, { details: { digest, size } });
}

/** Asks for the part from `offset` on. Who cannot send that sends the whole, of which `skip` bytes are here already. */
async function openAt(repository: Repository, digest: Digest, offset: number, size: number, signal: AbortSignal | undefined): Promise<{ response: HttpResponse; skip: number }> {
  if (offset === 0) return { response: await repository.blob(digest, undefined, signal), skip: 0 };
  const part = await repository.blob(digest, offset, signal);
  if (part.status === 200) return { response: part, skip: offset };
  if (part.status === 206 && isRangeFrom(part.header('content-range'), offset, size)) return { response: part, skip: 0 };
  await part.discard();
  return { response: await repository.blob(digest, undefined, signal), skip: offset };
}

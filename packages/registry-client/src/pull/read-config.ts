import { GantryError } from '@gantry/errors';
import { digestOf, isImageConfigType, quoted, type Descriptor, type ImageConfig } from '@gantry/oci';
import { collectBlob } from '../blob/collect.ts';
import type { ImageContent } from '../content.ts';
import type { ClientLog } from '../log.ts';
import type { DocumentParser } from '../manifest/parser.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { Threads } from '../threads/threads.ts';

export interface ConfigContext {
  readonly content: ImageContent;
  readonly parser: DocumentParser;
  readonly threads: Threads;
  readonly log: ClientLog;
  readonly max: number;
  readonly store: BlobStore | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface FetchedConfig {
  readonly bytes: Uint8Array;
  readonly config: ImageConfig;
}

/** @throws GantryError invalid `not-an-image`, `bad-image-config`; as `collectBlob`. */
export async function readConfig(c: ConfigContext, descriptor: Descriptor): Promise<FetchedConfig> {
  if (!isImageConfigType(descriptor.mediaType)) {
    throw new GantryError('invalid', 'not-an-image', `this is no container image: its configuration is of type ${quoted(descriptor.mediaType)}`, { details: { mediaType: descriptor.mediaType } });
  }
  const stored = await c.store?.get(descriptor.digest, { max: c.max });
  if (stored !== undefined) {
    if (digestOf(stored) === descriptor.digest) return { bytes: stored, config: await c.parser.config(stored) };
    c.log.warn({ digest: descriptor.digest }, 'a stored image configuration is damaged, fetching it again');
    await c.store?.delete(descriptor.digest);
  }
  const bytes = await collectBlob(c.threads, c.content, descriptor, { max: c.max, signal: c.signal });
  const config = await c.parser.config(bytes);
  await c.store?.put(descriptor.digest, bytes);
  return { bytes, config };
}

import { GantryError } from '@gantry/errors';
import { digestOf, quoted, type Descriptor, type Digest, type ManifestDocument } from '@gantry/oci';
import type { DocumentParser } from './parser.ts';

/** A manifest or index: its exact bytes, what they are called, what they say. */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly document: ManifestDocument;
}

/** What is known of a document before it is here. */
export interface Expected {
  readonly digest: Digest | undefined;
  readonly size?: number | undefined;
  readonly mediaType?: string | undefined;
}

/**
 * Takes bytes for the document they are called, or not at all.
 * @throws GantryError dataLoss `digest-mismatch`, `size-mismatch`; invalid `media-type-mismatch`, and those of `parseManifest`.
 */
export async function verifyManifest(parser: DocumentParser, bytes: Uint8Array, mediaType: string, expected: Expected): Promise<FetchedManifest> {
  const digest = digestOf(bytes);
  if (expected.size !== undefined && bytes.length !== expected.size) {
    throw new GantryError('dataLoss', 'size-mismatch', `the manifest ${expected.digest ?? ''} should have ${expected.size} bytes, but ${bytes.length} came`, { details: { expected: expected.size, size: bytes.length } });
  }
  if (expected.digest !== undefined && digest !== expected.digest) {
    throw new GantryError('dataLoss', 'digest-mismatch', `the manifest should be ${expected.digest}, but what came is ${digest}`, { details: { expected: expected.digest, digest } });
  }
  if (expected.mediaType !== undefined && mediaType !== expected.mediaType) {
    throw new GantryError('invalid', 'media-type-mismatch', `the manifest ${digest} is listed as ${expected.mediaType}, but served as ${quoted(mediaType)}`, { details: { digest } });
  }
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes, document: await parser.manifest(bytes, mediaType) };
}

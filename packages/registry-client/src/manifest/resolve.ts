import { GantryError, isGantryError } from '@gantry/errors';
import { familiarReference, formatPlatform, hostPlatform, isIndexType, isManifestType, pickPlatform, printable, withDefaultTag, type Descriptor, type ImageIndex, type ImageManifest, type Platform, type Reference } from '@gantry/oci';
import type { ImageContent } from '../content.ts';
import type { ClientLog } from '../log.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { verifyManifest, type Expected, type FetchedManifest } from './fetched.ts';
import type { DocumentParser } from './parser.ts';

/** What a reference names, down to the manifest of one platform. */
export interface ResolvedImage {
  /** With the tag `latest` if it had neither tag nor digest. */
  readonly reference: Reference;
  /** What the reference names in the registry: an index, or the image's manifest itself. */
  readonly root: Descriptor;
  /** From the root to the image's manifest; one entry if they are the same. */
  readonly path: readonly [FetchedManifest, ...FetchedManifest[]];
  /** Of the image's manifest. */
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  /** As an index says; undefined: there was no index to say so. */
  readonly platform: Platform | undefined;
}

export interface ResolveContext {
  readonly content: ImageContent;
  readonly parser: DocumentParser;
  readonly log: ClientLog;
  /** Most bytes of one document. */
  readonly max: number;
  /** Looked at before anything is fetched by digest; gets what was fetched. */
  readonly store: BlobStore | undefined;
  readonly signal: AbortSignal | undefined;
}

/** An index may name an index, but not for ever. */
const maxDepth = 3;

/** The document under a tag or digest, verified. A store that has it saves the download. */
export async function fetchManifest(c: ResolveContext, name: string, expected: Expected): Promise<FetchedManifest> {
  const here = expected.digest === undefined || expected.mediaType === undefined ? undefined : await fromStore(c, { ...expected, digest: expected.digest, mediaType: expected.mediaType });
  if (here !== undefined) return here;
  const raw = await c.content.manifest(name, { max: c.max, signal: c.signal });
  const fetched = await verifyManifest(c.parser, raw.bytes, raw.mediaType, { ...expected, digest: expected.digest ?? raw.digest });
  await c.store?.put(fetched.descriptor.digest, fetched.bytes);
  return fetched;
}

async function fromStore(c: ResolveContext, expected: Expected & Pick<Descriptor, 'digest' | 'mediaType'>): Promise<FetchedManifest | undefined> {
  const bytes = await c.store?.get(expected.digest, { max: c.max });
  if (bytes === undefined) return undefined;
  try {
    return await verifyManifest(c.parser, bytes, expected.mediaType, expected);
  } catch (error) {
    if (!isGantryError(error) || error.kind !== 'dataLoss') throw error;
    c.log.warn({ digest: expected.digest, code: error.code }, 'a stored manifest is damaged, fetching it again');
    await c.store?.delete(expected.digest);
    return undefined;
  }
}

/** The document that a reference names. */
async function fetchRoot(c: ResolveContext, ref: Reference): Promise<FetchedManifest> {
  const name = ref.digest ?? ref.tag ?? 'latest';
  // HEAD costs nothing where pulls are counted, and what it names may be here already.
  const head = c.store === undefined ? undefined : await headOf(c, name);
  if (head === undefined) return fetchManifest(c, name, { digest: ref.digest });
  if (ref.digest !== undefined && head.digest !== ref.digest) {
    throw new GantryError('dataLoss', 'digest-mismatch', `the registry answers for ${ref.digest} with ${head.digest}`, { details: { expected: ref.digest, digest: head.digest } });
  }
  return fetchManifest(c, head.digest, head);
}

async function headOf(c: ResolveContext, name: string): Promise<Descriptor | undefined> {
  try {
    return await c.content.head?.(name, { signal: c.signal });
  } catch (error) {
    // GET fails the same way, and with a body that says why.
    if (isGantryError(error) && error.kind === 'notFound') return undefined;
    throw error;
  }
}

/**
 * Follows a reference to the manifest of one platform. One document a level is read, and 3 levels at most, so that no
 * graph of indexes can make work.
 * @param wanted undefined: this machine's.
 * @throws GantryError notFound `no-matching-manifest` (which platforms there are stands in it), invalid `index-too-deep`.
 */
export async function resolveImage(c: ResolveContext, given: Reference, wanted: Platform | undefined): Promise<ResolvedImage> {
  const reference = withDefaultTag(given);
  const root = await fetchRoot(c, reference);
  const below: FetchedManifest[] = [];
  let current = root;
  let platform: Platform | undefined;
  while (current.document.kind === 'index') {
    if (below.length + 1 >= maxDepth) {
      throw new GantryError('invalid', 'index-too-deep', `the index of ${familiarReference(reference)} is nested deeper than ${maxDepth} levels`, { details: { max: maxDepth } });
    }
    const { digest, size, mediaType, platform: said } = chooseEntry(current.document.index, wanted ?? hostPlatform(), reference);
    platform = said;
    current = await fetchManifest(c, digest, { digest, size, mediaType });
    below.push(current);
  }
  return { reference, root: root.descriptor, path: [root, ...below], descriptor: current.descriptor, manifest: current.document.manifest, platform };
}

function chooseEntry(index: ImageIndex, wanted: Platform, reference: Reference): Descriptor {
  const images = index.manifests.filter((entry) => (isManifestType(entry.mediaType) || isIndexType(entry.mediaType)) && !isAttestation(entry));
  // What says nothing of its platform may be for this one: a nested index, or the one image of a simple builder.
  const choice = pickPlatform(images, wanted) ?? images.find((entry) => entry.platform === undefined);
  if (choice !== undefined) return choice;
  const available = [...new Set(images.flatMap((entry) => (entry.platform === undefined ? [] : [printable(formatPlatform(entry.platform), 64)])))].slice(0, 32);
  throw new GantryError(
    'notFound',
    'no-matching-manifest',
    `no matching manifest for ${formatPlatform(wanted)} in the manifest list entries${available.length === 0 ? '' : `: there are ${available.join(', ')}`}`,
    { details: { reference: familiarReference(reference), platform: formatPlatform(wanted), available } },
  );
}

/** BuildKit lists what it knows of an image beside it, as a manifest of no platform. */
function isAttestation(entry: Descriptor): boolean {
  return entry.annotations?.['vnd.docker.reference.type'] !== undefined || entry.platform?.os === 'unknown';
}

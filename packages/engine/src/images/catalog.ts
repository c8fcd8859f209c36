import { GantryError } from '@gantry/errors';
import { familiarName, familiarReference, formatPlatform, formatReference, hostPlatform, isDigest, parseReference, pickPlatform, printable, withDefaultTag, type Digest, type Platform, type Reference } from '@gantry/oci';
import type { ImageTable } from './image-table.ts';
import type { ImageRecord, ManifestRecord } from './records.ts';

/** A look-up's result, and whether a name or (part of) an id led to it. */
export interface FoundImage {
  readonly image: ImageRecord;
  readonly by: 'name' | 'id';
}

/** All images, in memory: reloaded from the database with each change, which are rare, and read by everybody. */
export class ImageCatalog {
  readonly #table: ImageTable;
  #images: ReadonlyMap<Digest, ImageRecord> = new Map();
  #byName: ReadonlyMap<string, ImageRecord> = new Map();

  constructor(table: ImageTable) {
    this.#table = table;
    this.reload();
  }

  reload(): void {
    const images = this.#table.load();
    this.#images = new Map(images.map((image) => [image.id, image]));
    this.#byName = new Map(images.flatMap((image) => image.names.map((name) => [name, image] as const)));
  }

  all(): ImageRecord[] {
    return [...this.#images.values()];
  }

  get(id: Digest): ImageRecord | undefined {
    return this.#images.get(id);
  }

  /** By name first, then by id or a prefix of one, as Docker does. */
  lookUp(ref: string): FoundImage | undefined {
    if (isDigest(ref)) return found(this.#images.get(ref) ?? this.#byConfig(ref), 'id');
    const named = this.#byReference(ref);
    if (named !== undefined) return { image: named, by: 'name' };
    const prefix = ref.replace(/^sha256:/, '');
    if (!/^[0-9a-f]{1,64}$/.test(prefix)) return undefined;
    const matches = this.all().filter(({ id }) => id.startsWith(`sha256:${prefix}`));
    if (matches.length > 1) throw new GantryError('invalid', 'ambiguous-id', `image ID prefix ${ref} is ambiguous: it fits ${matches.length} images`, { details: { ref } });
    return found(matches[0], 'id');
  }

  /** @throws GantryError notFound `no-such-image`; invalid `ambiguous-id`. */
  find(ref: string): FoundImage {
    const result = this.lookUp(ref);
    if (result === undefined) throw new GantryError('notFound', 'no-such-image', `No such image: ${shown(ref)}`, { details: { ref } });
    return result;
  }

  #byReference(ref: string): ImageRecord | undefined {
    const reference = tryParse(ref);
    if (reference === undefined) return undefined;
    if (reference.digest === undefined) return this.#byName.get(formatReference(withDefaultTag(reference)));
    // A digest says which; the name only has to be one that the image goes by.
    const image = this.#images.get(reference.digest);
    const repository = familiarName(reference);
    return image?.names.some((name) => familiarName(parseReference(name)) === repository) === true ? image : undefined;
  }

  /** Older clients know images by the digest of their configuration. */
  #byConfig(digest: Digest): ImageRecord | undefined {
    return this.all().find(({ manifests }) => manifests.some(({ configDigest }) => configDigest === digest));
  }
}

function found(image: ImageRecord | undefined, by: FoundImage['by']): FoundImage | undefined {
  return image === undefined ? undefined : { image, by };
}

function tryParse(ref: string): Reference | undefined {
  try {
    return parseReference(ref);
  } catch {
    return undefined; // not a name: perhaps an id
  }
}

/** As Docker's messages name it: with the tag that was meant. */
function shown(ref: string): string {
  const reference = tryParse(ref);
  return reference === undefined ? printable(ref, 256) : familiarReference(withDefaultTag(reference));
}

/**
 * The variant for a platform; without one this machine's, else the first that is here.
 * @throws GantryError notFound `no-such-platform`.
 */
export function variantOf(image: ImageRecord, platform: Platform | undefined, ref: string): ManifestRecord {
  const picked = pickPlatform(image.manifests, platform ?? hostPlatform()) ?? (platform === undefined ? image.manifests[0] : undefined);
  if (picked !== undefined) return picked;
  const what = platform === undefined ? 'any platform' : `the specified platform (${formatPlatform(platform)})`;
  throw new GantryError('notFound', 'no-such-platform', `image with reference ${ref} was found but does not provide ${what}`, {
    details: { ref, available: image.manifests.map((manifest) => formatPlatform(manifest.platform)) },
  });
}

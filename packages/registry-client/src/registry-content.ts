import { GantryError } from '@gantry/errors';
import { isDigest, isIndexType, isManifestType, mediaTypes, quoted, type Descriptor } from '@gantry/oci';
import { readBlob } from './blob/read-blob.ts';
import type { BlobRead, ContentCall, ImageContent, RawManifest } from './content.ts';
import type { HttpResponse } from './http/response.ts';
import type { ResolvedOptions } from './options.ts';
import type { Repository } from './repository.ts';

const accept = [mediaTypes.index, mediaTypes.manifest, mediaTypes.dockerList, mediaTypes.dockerManifest].join(', ');

/** A repository of a registry as a source of images. */
export class RegistryContent implements ImageContent {
  readonly #repository: Repository;
  readonly #options: ResolvedOptions;

  constructor(repository: Repository, options: ResolvedOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  async manifest(name: string, o: ContentCall & { readonly max: number }): Promise<RawManifest> {
    return this.#repository.manifest(name, { method: 'GET', headers: { Accept: accept }, signal: o.signal }, async (response) => ({
      mediaType: response.mediaType,
      digest: saidDigest(response),
      bytes: await response.bytes(o.max),
    }));
  }

  async head(name: string, o: ContentCall): Promise<Descriptor | undefined> {
    return this.#repository.manifest(name, { method: 'HEAD', headers: { Accept: accept }, signal: o.signal }, async (response) => {
      const { mediaType, length: size } = response;
      const digest = saidDigest(response);
      await response.discard();
      return digest === undefined || size === undefined || !(isIndexType(mediaType) || isManifestType(mediaType)) ? undefined : { mediaType, digest, size };
    });
  }

  blob(descriptor: Descriptor, o: BlobRead): AsyncIterable<Uint8Array> {
    return readBlob(this.#repository, descriptor, { ...o, retries: this.#options.retries, log: this.#options.log });
  }

  authority(): ImageContent | undefined {
    const repository = this.#repository.withoutMirrors();
    return repository && new RegistryContent(repository, this.#options);
  }
}

/** @throws GantryError dataLoss `digest-mismatch`: the header is there, and no digest. */
function saidDigest(response: HttpResponse): Descriptor['digest'] | undefined {
  const value = response.header('docker-content-digest');
  if (value === undefined || isDigest(value)) return value;
  throw new GantryError('invalid', 'bad-digest', `${response.url.host} names a manifest by ${quoted(value)}, which is no sha256 digest`);
}

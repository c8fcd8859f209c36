import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError, isGantryError } from '@gantry/errors';
import { hexOf, isDigest, parseManifest, mediaTypes, type Descriptor } from '@gantry/oci';
import type { ImageContent, RawManifest } from '@gantry/registry-client';

/** Of index.json. */
const maxIndex = 4 * 1024 * 1024;
const chunkSize = 256 * 1024;

/**
 * A folder with an OCI image layout (OCI image spec, "Image Layout") as the source of an image: what the one entry of its
 * index is. It comes with the program, and is verified nonetheless, like any other source.
 */
export class LayoutContent implements ImageContent {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** By digest; any other name means the image that the layout is of. */
  async manifest(name: string, { max }: { readonly max: number }): Promise<RawManifest> {
    const { digest, mediaType } = isDigest(name) ? await this.#byDigest(name) : await this.#root();
    return { digest, mediaType, bytes: await this.#read(join('blobs', 'sha256', hexOf(digest)), max) };
  }

  async *blob({ digest, size }: Descriptor, { offset = 0 }: { readonly offset?: number | undefined }): AsyncGenerator<Uint8Array, void, undefined> {
    const file = await this.#guarded(() => open(join(this.#folder, 'blobs', 'sha256', hexOf(digest)), 'r'));
    try {
      for (let at = offset; at < size; ) {
        const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, size - at));
        const { bytesRead } = await this.#guarded(() => file.read(buffer, 0, buffer.length, at));
        if (bytesRead === 0) throw new GantryError('dataLoss', 'blob-truncated', `${digest} in ${this.#folder} ends too early`, { details: { digest, size } });
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  async #entries(): Promise<readonly Descriptor[]> {
    const document = parseManifest(await this.#read('index.json', maxIndex), mediaTypes.index);
    return document.kind === 'index' ? document.index.manifests : [];
  }

  async #root(): Promise<Descriptor> {
    const [only, second] = await this.#entries();
    if (only === undefined || second !== undefined) throw new GantryError('invalid', 'bad-layout', `the image layout ${this.#folder} must have exactly one image in its index.json`, { details: { folder: this.#folder } });
    return only;
  }

  /** One that the index names, or one that an index it names names. */
  async #byDigest(digest: Descriptor['digest']): Promise<Descriptor> {
    const entries = await this.#entries();
    const nested = await Promise.all(entries.filter(({ mediaType }) => mediaType === mediaTypes.index).map(async (entry) => {
      const document = parseManifest(await this.#read(join('blobs', 'sha256', hexOf(entry.digest)), maxIndex), entry.mediaType);
      return document.kind === 'index' ? document.index.manifests : [];
    }));
    const found = [...entries, ...nested.flat()].find((entry) => entry.digest === digest);
    if (found === undefined) throw new GantryError('notFound', 'no-such-manifest', `the image layout ${this.#folder} has no ${digest}`, { details: { digest } });
    return found;
  }

  async #read(path: string, max: number): Promise<Uint8Array> {
    return this.#guarded(async () => {
      const { size } = await stat(join(this.#folder, path));
      if (size > max) throw new GantryError('exhausted', 'blob-too-large', `${path} in ${this.#folder} has ${size} bytes, and ${max} are allowed`, { details: { max } });
      return readFile(join(this.#folder, path));
    });
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isGantryError(error)) throw error;
      throw new GantryError('notFound', 'bad-layout', `the image layout ${this.#folder} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { details: { folder: this.#folder }, cause: error });
    }
  }
}

import type { StorageDriver } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { parseImageConfig, type Digest, type ImageConfig, type ImageConfigDefaults, type Platform } from '@gantry/oci';
import type { ContainerOrigin } from '../containers/container.ts';
import type { BlobFiles } from './blob-files.ts';
import { variantOf, type ImageCatalog } from './catalog.ts';
import type { ImageTable } from './image-table.ts';
import { topChain, type ManifestRecord } from './records.ts';

/** Bytes of an image configuration; none was let in that has more. */
const maxConfig = 8 * 1024 * 1024;
/** Parsed configurations that are remembered. */
const remembered = 256;

/** What the rest of the engine asks of images. */
export class ImageStore {
  readonly #catalog: ImageCatalog;
  readonly #table: ImageTable;
  readonly #blobs: BlobFiles;
  readonly #storage: StorageDriver;
  readonly #configs = new Map<Digest, Promise<ImageConfig>>();

  constructor({ catalog, table, blobs, storage }: { readonly catalog: ImageCatalog; readonly table: ImageTable; readonly blobs: BlobFiles; readonly storage: StorageDriver }) {
    this.#catalog = catalog;
    this.#table = table;
    this.#blobs = blobs;
    this.#storage = storage;
  }

  get count(): number {
    return this.#catalog.all().length;
  }

  /** Its id; undefined: no such image. */
  find(ref: string): Digest | undefined {
    return this.#catalog.lookUp(ref)?.image.id;
  }

  /** What a container of that image is made from. @throws GantryError notFound `no-such-image`, `no-such-platform`. */
  async forContainer(ref: string, platform: Platform | undefined): Promise<{ readonly origin: ContainerOrigin; readonly config: ImageConfigDefaults }> {
    const { image } = this.#catalog.find(ref);
    const manifest = variantOf(image, platform, ref);
    const { config } = await this.config(manifest);
    return {
      origin: { reference: ref, id: image.id, manifest: manifest.descriptor, platform: manifest.platform, layerChain: topChain(manifest) },
      config: config ?? {},
    };
  }

  /** @throws GantryError dataLoss `blob-missing`. */
  async config({ configDigest }: ManifestRecord): Promise<ImageConfig> {
    const known = this.#configs.get(configDigest);
    if (known !== undefined) return known;
    const reading = this.#readConfig(configDigest);
    this.#configs.set(configDigest, reading);
    reading.catch(() => this.#configs.delete(configDigest));
    const [oldest] = this.#configs.keys();
    if (this.#configs.size > remembered && oldest !== undefined) this.#configs.delete(oldest);
    return reading;
  }

  async #readConfig(digest: Digest): Promise<ImageConfig> {
    const bytes = await this.#blobs.get(digest, { max: maxConfig });
    if (bytes === undefined) throw new GantryError('dataLoss', 'blob-missing', `the configuration ${digest} of an image is gone from the data root: pull the image again`, { details: { digest } });
    return parseImageConfig(bytes);
  }

  /** Bytes of a stack of layers on disk. */
  async layerBytes(top: string | null): Promise<number> {
    const layers = this.#table.layers();
    let sum = 0;
    for (let at = top; at !== null; at = layers.get(at)?.parent ?? null) sum += layers.get(at)?.bytes ?? 0;
    return sum;
  }

  get storageDriver(): string {
    return this.#storage.name;
  }
}

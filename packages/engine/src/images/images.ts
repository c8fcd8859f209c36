import type { Logger, StorageDriver } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { familiarReference, formatReference, parseReference, withDefaultTag, type Platform } from '@gantry/oci';
import type { RegistryClient } from '@gantry/registry-client';
import type { DiskReclaim } from '../drivers/disk-reclaim.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Database } from '../state/database.ts';
import type { ImageDetails, ImageFilter, ImageHistory, Images, ImageSummary, PulledImage, PullImage, RemovedImage } from '../types/index.ts';
import { Lock } from '../util/lock.ts';
import { now } from '../util/time.ts';
import type { BlobFiles } from './blob-files.ts';
import { ImageCatalog, variantOf } from './catalog.ts';
import { describeDetails, describeHistory, describeImage, filterImages, withSharedSizes, type DescribeNeeds } from './describe.ts';
import { collectGarbage, collectStrays, type GarbageNeeds } from './garbage.ts';
import { imageEvent } from './image-events.ts';
import { ImageStore } from './image-store.ts';
import { ImageTable } from './image-table.ts';
import { LayerIntake } from './layer-intake.ts';
import { Leases } from './leases.ts';
import { pullImage } from './pull.ts';
import { removeImage, type ImageUser } from './remove.ts';

export interface ImageServiceNeeds {
  readonly session: string;
  readonly db: Database;
  readonly events: EventLog;
  readonly storage: StorageDriver;
  readonly blobs: BlobFiles;
  readonly client: RegistryClient;
  readonly embedded: Readonly<Record<string, string>>;
  readonly log: Logger;
  readonly disk: DiskReclaim;
  /** Containers, as far as they use images. */
  users(): readonly ImageUser[];
  /** Chain IDs of layers that containers under way stand on. */
  chainsUnderWay(): readonly string[];
}

/** The images of an engine; each method is told in `Images`. */
export class ImageService implements Images {
  readonly store: ImageStore;
  readonly #needs: ImageServiceNeeds & GarbageNeeds & { readonly intake: LayerIntake };
  /** One collection at a time; whoever comes meanwhile waits for the next one. */
  readonly #collecting = new Lock();

  constructor(needs: ImageServiceNeeds) {
    const { db, storage } = needs;
    const table = new ImageTable(db);
    const lock = new Lock();
    const catalog = new ImageCatalog(table);
    this.store = new ImageStore({ catalog, table, blobs: needs.blobs, storage });
    this.#needs = {
      ...needs,
      table,
      lock,
      catalog,
      leases: new Leases(db, needs.session),
      intake: new LayerIntake({ db, table, storage, lock }),
      chainsInUse: () => [...needs.chainsUnderWay(), ...needs.users().flatMap(({ layerChain }) => (layerChain === null ? [] : [layerChain]))],
    };
  }

  async pull(ref: string, o: PullImage = {}): Promise<PulledImage> {
    return pullImage(this.#needs, ref, o);
  }

  async list(o: { readonly filter?: ImageFilter | undefined; readonly sharedSize?: boolean | undefined } = {}): Promise<readonly ImageSummary[]> {
    const { catalog } = this.#needs;
    const describe = this.#describeNeeds();
    const images = catalog.all();
    const plain = images.map((image) => describeImage(image, describe));
    const summaries = o.sharedSize === true ? withSharedSizes(images, plain, describe.layers) : plain;
    return filterImages(catalog, images, summaries, o.filter ?? {}).sort((a, b) => Date.parse(b.createdAt ?? '1970-01-01') - Date.parse(a.createdAt ?? '1970-01-01'));
  }

  async inspect(ref: string, o: { readonly platform?: Platform | undefined } = {}): Promise<ImageDetails> {
    const { image } = this.#needs.catalog.find(ref);
    const manifest = variantOf(image, o.platform, ref);
    return describeDetails(image, manifest, await this.store.config(manifest), this.#needs.storage.name, this.#describeNeeds());
  }

  async history(ref: string, o: { readonly platform?: Platform | undefined } = {}): Promise<readonly ImageHistory[]> {
    const { image } = this.#needs.catalog.find(ref);
    const manifest = variantOf(image, o.platform, ref);
    return describeHistory(image, manifest, await this.store.config(manifest), this.#describeNeeds().layers);
  }

  async remove(ref: string, o: { readonly force?: boolean | undefined } = {}): Promise<readonly RemovedImage[]> {
    const removed = removeImage(this.#needs, ref, o.force ?? false);
    // Committed before anything is unlinked.
    await this.#needs.db.durable();
    const layers = removed.some((step) => 'deleted' in step) ? await this.#collect() : [];
    return [...removed, ...layers.map((deleted) => ({ deleted }))];
  }

  async tag(ref: string, name: string): Promise<void> {
    const { catalog, db, table, events } = this.#needs;
    const reference = withDefaultTag(parseReference(name));
    if (reference.digest !== undefined) throw new GantryError('invalid', 'bad-reference', 'refusing to create a tag with a digest reference', { details: { reference: name } });
    const { image } = catalog.find(ref);
    db.transaction(() => {
      table.putTag(formatReference(reference), image.id, now());
      events.record(imageEvent('tag', image, familiarReference(reference)));
    });
    catalog.reload();
    await db.durable();
  }

  /** What an earlier engine left, and what nobody needs. For the opening of the engine, before anything is pulled. */
  async clean(): Promise<void> {
    await this.#collect();
    await collectStrays(this.#needs);
  }

  #collect(): Promise<readonly string[]> {
    return this.#collecting.run(async () => {
      const gone = await collectGarbage(this.#needs);
      if (gone.length > 0) this.#needs.disk.request();
      return gone;
    });
  }

  #describeNeeds(): DescribeNeeds {
    const containers = new Map<string, number>();
    for (const { imageId } of this.#needs.users()) containers.set(imageId, (containers.get(imageId) ?? 0) + 1);
    return { layers: this.#needs.table.layers(), containers };
  }
}

import { GantryError } from '@gantry/errors';
import { digestOf, type Digest } from '@gantry/oci';
import type { BlobStore, PartialBlob, StoredBlob } from '../../src/index.ts';

/** What `reopen` hands to the next store: its disk, so to speak. */
export interface MemoryDisk {
  readonly blobs: Map<Digest, Uint8Array>;
  readonly partials: Map<Digest, Uint8Array[]>;
}

/** A blob store without a disk, for tests of what uses one. */
export class MemoryBlobStore implements BlobStore {
  readonly disk: MemoryDisk;
  readonly #open = new Set<Digest>();

  constructor(disk: MemoryDisk = { blobs: new Map(), partials: new Map() }) {
    this.disk = disk;
  }

  async has(digest: Digest): Promise<boolean> {
    return this.disk.blobs.has(digest);
  }

  async get(digest: Digest, { max }: { readonly max: number }): Promise<Uint8Array | undefined> {
    const bytes = this.disk.blobs.get(digest);
    if (bytes !== undefined && bytes.length > max) throw new GantryError('exhausted', 'blob-too-large', `${digest} is too large`);
    return bytes && new Uint8Array(bytes);
  }

  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (digestOf(bytes) !== digest) throw new GantryError('dataLoss', 'digest-mismatch', `the bytes are not ${digest}`);
    this.disk.blobs.set(digest, new Uint8Array(bytes));
  }

  async delete(digest: Digest): Promise<void> {
    this.disk.blobs.delete(digest);
  }

  async *list(): AsyncGenerator<StoredBlob> {
    for (const [digest, bytes] of this.disk.blobs) yield { digest, size: bytes.length };
  }

  async partial(digest: Digest): Promise<PartialBlob | undefined> {
    if (this.#open.has(digest)) return undefined;
    this.#open.add(digest);
    const { partials } = this.disk;
    const chunks = partials.get(digest) ?? [];
    partials.set(digest, chunks);
    const close = async (): Promise<void> => void this.#open.delete(digest);
    return {
      get size() {
        return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      },
      async *read() {
        for (const chunk of [...chunks]) yield new Uint8Array(chunk);
      },
      append: async (chunk) => void chunks.push(new Uint8Array(chunk)),
      close,
      discard: async () => {
        partials.delete(digest);
        await close();
      },
    };
  }
}

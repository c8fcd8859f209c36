import { describe, expect, it } from 'vitest';
import type { BlobStore } from '../src/index.ts';
import { blobStoreContract, type BlobStoreHarness, type TestFunction } from '../src/testing/index.ts';
import { MemoryBlobStore } from './support/memory-blob-store.ts';

const harness = {
  open: async () => new MemoryBlobStore(),
  reopen: async (store: BlobStore) => new MemoryBlobStore(store instanceof MemoryBlobStore ? store.disk : undefined),
  close: async () => undefined,
};

describe('a store that keeps its promises', () => {
  blobStoreContract(it, harness);
});

describe('the contract notices a store', () => {
  /** The names of the cases that a store fails. */
  async function failures(open: () => BlobStore, other: Partial<BlobStoreHarness> = {}): Promise<string[]> {
    const failed: string[] = [];
    const runs: [string, () => Promise<void>][] = [];
    const collect: TestFunction = (name, run) => runs.push([name, run]);
    blobStoreContract(collect, { ...harness, open: async () => open(), ...other });
    for (const [name, run] of runs) await run().catch(() => failed.push(name.replace('blob store: ', '')));
    return failed;
  }

  it('that verifies nothing', async () => {
    class Credulous extends MemoryBlobStore {
      override async put(...[digest, bytes]: Parameters<BlobStore['put']>): Promise<void> {
        this.disk.blobs.set(digest, new Uint8Array(bytes));
      }
    }
    expect(await failures(() => new Credulous())).toEqual(['refuses bytes that are not their digest, and keeps nothing of them']);
  });

  it('that shares memory with its callers', async () => {
    class Sharing extends MemoryBlobStore {
      override async get(...[digest]: Parameters<BlobStore['get']>): Promise<Uint8Array | undefined> {
        return this.disk.blobs.get(digest);
      }
    }
    expect(await failures(() => new Sharing())).toEqual(['keeps its own copy: what the caller does with the bytes later changes nothing', 'gives no more bytes than asked for']);
  });

  it('that forgets', async () => {
    expect(await failures(() => new MemoryBlobStore(), { reopen: async () => new MemoryBlobStore() })).toEqual(['has its blobs after a restart']);
  });
});

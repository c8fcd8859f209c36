import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { isGantryError } from '@gantry/errors';
import { digestOf, type Digest } from '@gantry/oci';
import type { BlobStore, PartialBlob } from '../store/blob-store.ts';

/** `test` of node:test, vitest and others. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown;

export interface BlobStoreHarness {
  /** An empty store. */
  readonly open: () => Promise<BlobStore>;
  /** The same data through a new store, as after the end of the process, in whatever state the old store is. */
  readonly reopen: (store: BlobStore) => Promise<BlobStore>;
  /** Frees what `open` and `reopen` made. */
  readonly close: (store: BlobStore) => Promise<void>;
}

const max = 10 * 1024 ** 2;

function sample(size = 1000): { bytes: Uint8Array; digest: Digest } {
  const bytes = new Uint8Array(randomBytes(size));
  return { bytes, digest: digestOf(bytes) };
}

/** A Buffer of the same bytes, whose `slice` makes no copy; `takeBack` empties it, as handing it to a thread would. */
function lend(bytes: Uint8Array): { readonly lent: Buffer; readonly takeBack: () => void } {
  const lent = Buffer.from(new Uint8Array(bytes).buffer);
  return { lent, takeBack: () => void structuredClone(lent.buffer, { transfer: [lent.buffer] }) };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

async function digestsIn(store: BlobStore): Promise<Digest[]> {
  const found: Digest[] = [];
  for await (const { digest } of store.list()) found.push(digest);
  return found.sort();
}

async function openPartial(store: BlobStore, digest: Digest): Promise<PartialBlob> {
  const partial = await store.partial(digest);
  assert.ok(partial, 'the start of a download could not be opened');
  return partial;
}

const rejectsWith = (kind: string, code: string, work: Promise<unknown>): Promise<void> =>
  assert.rejects(work, (error) => isGantryError(error) && error.kind === kind && error.code === code);

type Case = (store: BlobStore, harness: BlobStoreHarness) => Promise<void>;

const cases: Readonly<Record<string, Case>> = {
  'keeps bytes under their digest': async (store) => {
    const { bytes, digest } = sample();
    assert.equal(await store.has(digest), false);
    assert.equal(await store.get(digest, { max }), undefined);
    await store.put(digest, bytes);
    assert.equal(await store.has(digest), true);
    assert.deepEqual(new Uint8Array((await store.get(digest, { max })) ?? []), bytes);
  },

  'keeps an empty blob': async (store) => {
    const { bytes, digest } = sample(0);
    await store.put(digest, bytes);
    assert.equal((await store.get(digest, { max }))?.length, 0);
  },

  'keeps its own copy: what the caller does with the bytes later changes nothing': async (store) => {
    const { bytes, digest } = sample();
    const { lent, takeBack } = lend(bytes);
    await store.put(digest, lent);
    takeBack();
    const got = await store.get(digest, { max });
    assert.deepEqual(new Uint8Array(got ?? []), bytes);
    got?.fill(0);
    assert.deepEqual(new Uint8Array((await store.get(digest, { max })) ?? []), bytes);
  },

  'refuses bytes that are not their digest, and keeps nothing of them': async (store) => {
    const { bytes, digest } = sample();
    await rejectsWith('dataLoss', 'digest-mismatch', store.put(digest, bytes.subarray(1)));
    assert.equal(await store.has(digest), false);
    assert.deepEqual(await digestsIn(store), []);
    await store.put(digest, bytes);
    await rejectsWith('dataLoss', 'digest-mismatch', store.put(digest, bytes.subarray(1)));
    assert.deepEqual(new Uint8Array((await store.get(digest, { max })) ?? []), bytes);
  },

  'takes the same blob any number of times, also at once': async (store) => {
    const { bytes, digest } = sample(100_000);
    await Promise.all(Array.from({ length: 10 }, () => store.put(digest, bytes)));
    await store.put(digest, bytes);
    assert.deepEqual(await digestsIn(store), [digest]);
    assert.deepEqual(new Uint8Array((await store.get(digest, { max })) ?? []), bytes);
  },

  'gives no more bytes than asked for': async (store) => {
    const { bytes, digest } = sample(1000);
    await store.put(digest, bytes);
    assert.equal((await store.get(digest, { max: 1000 }))?.length, 1000);
    await rejectsWith('exhausted', 'blob-too-large', store.get(digest, { max: 999 }));
  },

  'lists every blob with its size': async (store) => {
    const samples = [sample(1), sample(2), sample(3)];
    for (const { bytes, digest } of samples) await store.put(digest, bytes);
    const sizes = new Map<Digest, number>();
    for await (const { digest, size } of store.list()) sizes.set(digest, size);
    assert.deepEqual([...sizes].sort(), samples.map(({ bytes, digest }) => [digest, bytes.length] as const).sort());
  },

  'deletes, and does not mind what is absent': async (store) => {
    const { bytes, digest } = sample();
    await store.put(digest, bytes);
    await store.delete(digest);
    await store.delete(digest);
    assert.equal(await store.has(digest), false);
    assert.equal(await store.get(digest, { max }), undefined);
    await store.put(digest, bytes);
    assert.equal(await store.has(digest), true);
  },

  'has its blobs after a restart': async (store, harness) => {
    const { bytes, digest } = sample();
    await store.put(digest, bytes);
    const next = await harness.reopen(store);
    try {
      assert.deepEqual(new Uint8Array((await next.get(digest, { max })) ?? []), bytes);
    } finally {
      await harness.close(next);
    }
  },

  'grows the start of a download, and keeps it when closed': async (store) => {
    const { bytes, digest } = sample();
    const first = await openPartial(store, digest);
    assert.equal(first.size, 0);
    await first.append(bytes.subarray(0, 300));
    await first.append(bytes.subarray(300, 500));
    assert.equal(first.size, 500);
    await first.close();
    await first.close();
    const second = await openPartial(store, digest);
    assert.equal(second.size, 500);
    assert.deepEqual(await collect(second.read()), bytes.subarray(0, 500));
    await second.append(bytes.subarray(500));
    assert.deepEqual(await collect(second.read()), bytes);
    await second.close();
  },

  'keeps its own copy of what is appended': async (store) => {
    const { bytes, digest } = sample();
    const partial = await openPartial(store, digest);
    const { lent, takeBack } = lend(bytes);
    await partial.append(lent);
    takeBack();
    assert.equal(partial.size, bytes.length);
    assert.deepEqual(await collect(partial.read()), bytes);
    await partial.close();
  },

  'gives what it reads of a start away for good': async (store) => {
    const { bytes, digest } = sample();
    const partial = await openPartial(store, digest);
    await partial.append(bytes);
    for await (const { buffer } of partial.read()) if (buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
    assert.deepEqual(await collect(partial.read()), bytes);
    await partial.close();
  },

  'gives the start of a download to one caller at a time': async (store) => {
    const { digest } = sample();
    const first = await openPartial(store, digest);
    assert.equal(await store.partial(digest), undefined);
    await first.close();
    await (await openPartial(store, digest)).close();
  },

  'forgets the start of a download that is discarded, before or after it was closed': async (store) => {
    const { bytes, digest } = sample();
    for (const closeFirst of [false, true]) {
      const partial = await openPartial(store, digest);
      await partial.append(bytes);
      if (closeFirst) await partial.close();
      await partial.discard();
      await partial.discard();
      await partial.close();
      const next = await openPartial(store, digest);
      assert.equal(next.size, 0);
      await next.discard();
    }
  },

  'takes the start of a download for no blob': async (store) => {
    const { bytes, digest } = sample();
    const partial = await openPartial(store, digest);
    await partial.append(bytes);
    await partial.close();
    assert.equal(await store.has(digest), false);
    assert.equal(await store.get(digest, { max }), undefined);
    assert.deepEqual(await digestsIn(store), []);
  },

  'has the start of a download after a restart, also if nobody closed it': async (store, harness) => {
    const { bytes, digest } = sample();
    await (await openPartial(store, digest)).append(bytes.subarray(0, 400));
    const next = await harness.reopen(store);
    try {
      const partial = await openPartial(next, digest);
      assert.deepEqual(await collect(partial.read()), bytes.subarray(0, partial.size));
      await partial.discard();
    } finally {
      await harness.close(next);
    }
  },
};

/**
 * The promises of `BlobStore` as tests, for whoever implements one.
 *
 * @example
 * import test from 'node:test';
 * import { blobStoreContract } from '@gantry/registry-client/testing';
 * blobStoreContract(test, { open, reopen, close });
 */
export function blobStoreContract(test: TestFunction, harness: BlobStoreHarness): void {
  for (const [name, run] of Object.entries(cases)) {
    test(`blob store: ${name}`, async () => {
      const store = await harness.open();
      try {
        await run(store, harness);
      } finally {
        await harness.close(store);
      }
    });
  }
}

import { mkdtemp, rm, utimes, writeFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '@gantry/oci';
import { blobStoreContract } from '@gantry/registry-client/testing';
import { describe, expect, it } from 'vitest';
import { BlobFiles } from '../src/images/blob-files.ts';

const roots = new WeakMap<object, string>();

async function openAt(root: string): Promise<BlobFiles> {
  const files = await BlobFiles.open(root);
  roots.set(files, root);
  return files;
}

describe('blobs as files', () => {
  blobStoreContract(it, {
    open: async () => openAt(await mkdtemp(join(tmpdir(), 'gantry-test-blobs-'))),
    reopen: async (store) => openAt(roots.get(store) ?? ''),
    close: async (store) => rm(roots.get(store) ?? '', { recursive: true, force: true }),
  });

  it('clears downloads that nobody came back to, and what a crash left of a blob, but nothing else', async () => {
    const root = await mkdtemp(join(tmpdir(), 'gantry-test-blobs-'));
    try {
      const files = await BlobFiles.open(root);
      const [old, recent, open] = ['old', 'recent', 'open'].map((name) => digestOf(name));
      for (const digest of [old, recent]) if (digest !== undefined) await writeFile(join(root, 'partial', digest.slice(7)), 'begun');
      await writeFile(join(root, 'partial', 'x.new'), 'torn');
      const past = new Date(Date.now() - 60_000);
      if (old !== undefined) await utimes(join(root, 'partial', old.slice(7)), past, past);
      const held = open === undefined ? undefined : await files.partial(open);
      await files.sweepPartial(30_000);
      expect(await readdir(join(root, 'partial'))).toEqual([recent?.slice(7), open?.slice(7)].sort());
      await held?.discard();
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});

import { randomBytes, webcrypto } from 'node:crypto';
import { mkdir, open, opendir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError, isGantryError } from '@gantry/errors';
import { hexOf, isDigest, type Digest } from '@gantry/oci';
import type { BlobStore, PartialBlob, StoredBlob } from '@gantry/registry-client';

/** Of one read. */
const chunkSize = 256 * 1024;

/**
 * The documents of images, and the starts of interrupted downloads, as files named by their digest. A file is in `sha256`
 * only once it is whole, verified and synced: it comes there by a rename.
 */
export class BlobFiles implements BlobStore {
  readonly #blobs: string;
  readonly #partial: string;
  readonly #open = new Set<Digest>();

  private constructor(root: string) {
    this.#blobs = join(root, 'sha256');
    this.#partial = join(root, 'partial');
  }

  /** @param root is made if absent. */
  static async open(root: string): Promise<BlobFiles> {
    const files = new BlobFiles(root);
    await guarded('making the folder of blobs', async () => {
      for (const folder of [files.#blobs, files.#partial]) await mkdir(folder, { recursive: true, mode: 0o700 });
    });
    return files;
  }

  #path(digest: Digest): string {
    return join(this.#blobs, hexOf(digest));
  }

  async has(digest: Digest): Promise<boolean> {
    return guarded('looking for a blob', async () => (await unlessAbsent(stat(this.#path(digest)))) !== undefined);
  }

  async get(digest: Digest, { max }: { readonly max: number }): Promise<Uint8Array | undefined> {
    return guarded('reading a blob', async () => {
      const info = await unlessAbsent(stat(this.#path(digest)));
      if (info === undefined) return undefined;
      if (info.size > max) throw new GantryError('exhausted', 'blob-too-large', `the blob ${digest} has ${info.size} bytes, and ${max} are allowed here`, { details: { digest, max } });
      return unlessAbsent(readFile(this.#path(digest)));
    });
  }

  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    const found = await digestOf(bytes);
    if (found !== digest) throw new GantryError('dataLoss', 'digest-mismatch', `a blob should be ${digest}, but its bytes are ${found}`, { details: { expected: digest, digest: found } });
    await guarded('keeping a blob', async () => {
      // Not in the way of another that keeps the same one.
      const temporary = join(this.#partial, `${hexOf(digest)}.${randomBytes(6).toString('hex')}.new`);
      try {
        const file = await open(temporary, 'wx', 0o600);
        try {
          await file.writeFile(bytes);
          await file.datasync();
        } finally {
          await file.close();
        }
        await rename(temporary, this.#path(digest));
        await syncFolder(this.#blobs);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    });
  }

  async delete(digest: Digest): Promise<void> {
    await guarded('deleting a blob', () => rm(this.#path(digest), { force: true }));
  }

  async *list(): AsyncGenerator<StoredBlob, void, undefined> {
    for await (const entry of await guarded('listing the blobs', () => opendir(this.#blobs))) {
      const digest = `sha256:${entry.name}`;
      const info = isDigest(digest) ? await guarded('listing the blobs', () => unlessAbsent(stat(this.#path(digest)))) : undefined;
      if (info !== undefined && isDigest(digest)) yield { digest, size: info.size };
    }
  }

  async partial(digest: Digest): Promise<PartialBlob | undefined> {
    if (this.#open.has(digest)) return undefined;
    this.#open.add(digest);
    const path = join(this.#partial, hexOf(digest));
    try {
      return await guarded('continuing a download', async () => {
        const file = await open(path, 'a+', 0o600);
        const { size } = await file.stat();
        return new PartialFile(path, file, size, () => this.#open.delete(digest));
      });
    } catch (error) {
      this.#open.delete(digest);
      throw error;
    }
  }

  /** Deletes starts of downloads that nobody came back to, and what a crash left of `put`. */
  async sweepPartial(olderThanMs: number): Promise<void> {
    await guarded('clearing old downloads', async () => {
      for await (const entry of await opendir(this.#partial)) {
        const path = join(this.#partial, entry.name);
        const info = await unlessAbsent(stat(path));
        const digest = `sha256:${entry.name}`;
        if (info === undefined || (isDigest(digest) && this.#open.has(digest))) continue;
        if (entry.name.endsWith('.new') || Date.now() - info.mtimeMs > olderThanMs) await rm(path, { force: true });
      }
    });
  }
}

class PartialFile implements PartialBlob {
  size: number;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #onClose: () => void;
  #closed = false;

  constructor(path: string, file: FileHandle, size: number, onClose: () => void) {
    this.#path = path;
    this.#file = file;
    this.size = size;
    this.#onClose = onClose;
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = this;
    for (let at = 0; at < size; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, size - at));
      const { bytesRead } = await guarded('reading a download that was begun', () => this.#file.read(buffer, 0, buffer.length, at));
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async append(chunk: Uint8Array): Promise<void> {
    await guarded('keeping a download', () => this.#file.appendFile(chunk));
    this.size += chunk.length;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await guarded('closing a download', () => this.#file.close());
    } finally {
      this.#onClose();
    }
  }

  async discard(): Promise<void> {
    await guarded('dropping a download', () => rm(this.#path, { force: true }));
    await this.close();
  }
}

/** Off the event loop: documents may have megabytes. */
async function digestOf(bytes: Uint8Array): Promise<Digest> {
  const own = bytes.buffer instanceof ArrayBuffer ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : Uint8Array.from(bytes);
  return `sha256:${Buffer.from(await webcrypto.subtle.digest('SHA-256', own)).toString('hex')}`;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

async function guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isGantryError(error)) throw error;
    const full = ['ENOSPC', 'EDQUOT'].includes(String(codeOf(error)));
    throw new GantryError(full ? 'exhausted' : 'internal', full ? 'disk-full' : 'blob-io', `${doing} failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

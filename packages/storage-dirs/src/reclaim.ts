import { readdir } from 'node:fs/promises';
import { relative } from 'node:path';
import type { StorageUsage } from '@gantry/driver-api';
import type { FsSession } from '@gantry/linux';
import { check } from './errors.ts';
import type { Layout } from './layout.ts';

/** Opens a process confined to a tree. */
export type OpenTree = (root: string, signal?: AbortSignal) => Promise<FsSession>;

/** Counts and deletes trees, in a process of its own: they are large, and their content is somebody else's. */
export class Reclaim {
  readonly #layout: Layout;
  readonly #openTree: OpenTree;

  constructor(layout: Layout, openTree: OpenTree) {
    this.#layout = layout;
    this.#openTree = openTree;
  }

  async usage(path: string, signal: AbortSignal): Promise<StorageUsage> {
    check(signal);
    await using tree = await this.#openTree(this.#layout.root, signal);
    return await tree.usage(relative(this.#layout.root, path));
  }

  /** Empties the trash. Stops between two items when the signal fires. @returns Bytes given back. */
  async run(signal: AbortSignal): Promise<number> {
    const names = await readdir(this.#layout.trash);
    if (names.length === 0) return 0;
    await using tree = await this.#openTree(this.#layout.trash);
    let bytes = 0;
    for (const name of names) {
      check(signal);
      const usage = await tree.usage(name);
      await tree.remove(name);
      bytes += usage.bytes;
    }
    return bytes;
  }
}

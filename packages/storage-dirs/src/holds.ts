import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog, SnapshotEntry } from './catalog.ts';
import { replaceFile } from './durable.ts';
import { isAbsent } from './errors.ts';
import type { SnapshotPlace, TreeFormat } from './format.ts';
import { holdersFile, type Layout } from './layout.ts';
import { mountsBelow } from './mountinfo.ts';
import { nameOf } from './names.ts';
import type { NativeLink } from './native-link.ts';

const temporary = 'tmp:';

/** Who holds which snapshot, on disk and as mounts. Calls for one snapshot come one after another: the store sees to that. */
export class Holds {
  readonly #layout: Layout;
  readonly #native: NativeLink;
  readonly #format: TreeFormat;

  constructor(layout: Layout, native: NativeLink, format: TreeFormat) {
    this.#layout = layout;
    this.#native = native;
    this.#format = format;
  }

  /**
   * After a crash or a reboot: counts the mounts that are there, drops the holders of sessions that are over, and
   * unmounts what nobody holds.
   */
  async restore(catalog: Catalog, session: string): Promise<void> {
    const mounts = await mountsBelow(this.#layout.root);
    const held = new Map<string, SnapshotEntry>();
    for (const entry of catalog.snapshots.values()) {
      const alive = [...entry.holders].filter((h) => !h.startsWith(temporary) || h.startsWith(`${temporary}${session}:`));
      if (alive.length < entry.holders.size) {
        entry.holders.clear();
        for (const holder of alive) entry.holders.add(holder);
        await this.#record(entry);
      }
      if (alive.length > 0) held.set(this.#layout.mountPoint(entry.record.key), entry);
    }
    for (const path of mounts.reverse()) {
      const entry = held.get(path);
      if (entry === undefined || entry.mounted) await this.#unmount(path); // a second mount over the first was never told to anybody
      else entry.mounted = true;
    }
  }

  /** Records the holder, then mounts. */
  async hold(entry: SnapshotEntry, place: SnapshotPlace, holder: string): Promise<string> {
    const at = this.#layout.mountPoint(entry.record.key);
    const path = this.#format.path(place, at);
    const isNew = !entry.holders.has(holder);
    if (isNew) {
      entry.holders.add(holder);
      await this.#record(entry).catch((e: unknown) => {
        entry.holders.delete(holder);
        throw e;
      });
    }
    if (path === at && !entry.mounted) {
      try {
        // Usually new, so nothing can be mounted there; else a mount may have been made for a driver that died meanwhile.
        const fresh = await makeFolder(at);
        if (fresh || !(await mountsBelow(this.#layout.mounts)).includes(at)) await this.#format.mount(place, at);
        entry.mounted = true;
      } catch (e) {
        if (isNew) await this.release(entry, holder);
        throw e;
      }
    }
    return path;
  }

  /** Unmounts after the last holder, then records: a crash between leaves a holder without a mount, as a reboot does. */
  async release(entry: SnapshotEntry, holder: string): Promise<void> {
    if (!entry.holders.has(holder)) return;
    if (entry.holders.size === 1 && entry.mounted) {
      await this.#unmount(this.#layout.mountPoint(entry.record.key));
      entry.mounted = false;
    }
    entry.holders.delete(holder);
    await this.#record(entry).catch((e: unknown) => {
      entry.holders.add(holder);
      throw e;
    });
  }

  /** Mounts below `mounts/` that no holder accounts for. */
  async strays(catalog: Catalog): Promise<string[]> {
    const known = new Set([...catalog.snapshots.values()].filter((s) => s.mounted).map((s) => this.#layout.mountPoint(s.record.key)));
    return (await mountsBelow(this.#layout.mounts)).filter((path) => !known.has(path));
  }

  async unmountStray(path: string): Promise<void> {
    await this.#unmount(path);
  }

  async #record(entry: SnapshotEntry): Promise<void> {
    await replaceFile(join(this.#layout.snapshots, nameOf(entry.record.key), holdersFile), JSON.stringify([...entry.holders]));
  }

  /** Whoever still has a file open in it keeps that file, not the name. */
  async #unmount(path: string): Promise<void> {
    await (await this.#native.get()).umount(path, { detach: true });
    await rmdir(path).catch((e: unknown) => {
      if (!isAbsent(e)) throw e;
    });
  }
}

/** False: it was there. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (e) {
    if (e instanceof Error && 'code' in e && e.code === 'EEXIST') return false;
    throw e;
  }
}

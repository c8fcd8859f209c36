import { mkdir, realpath, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsent } from './errors.ts';
import { freshName, nameOf } from './names.ts';

export const layerFile = 'layer.json';
export const snapshotFile = 'snapshot.json';
export const holdersFile = 'holders.json';

/**
 * The state folder. An item is a folder with its record inside, so that one rename makes both visible:
 *
 * - `layers/<name>`: `layer.json` and the driver's tree
 * - `snapshots/<name>`: `snapshot.json`, `holders.json` and the driver's tree
 * - `mounts/<name>`: where snapshots and, shortly, views are mounted
 * - `stage/<fresh>`: what is being made
 * - `trash/<fresh>`: set aside, for `gc()`
 * - `damaged/<fresh>`: what `check({ repair })` took out of the way, for a human
 */
export class Layout {
  readonly root: string;
  readonly layers: string;
  readonly snapshots: string;
  readonly mounts: string;
  readonly stage: string;
  readonly trash: string;
  readonly damaged: string;

  private constructor(root: string) {
    this.root = root;
    this.layers = join(root, 'layers');
    this.snapshots = join(root, 'snapshots');
    this.mounts = join(root, 'mounts');
    this.stage = join(root, 'stage');
    this.trash = join(root, 'trash');
    this.damaged = join(root, 'damaged');
  }

  /** Makes what is missing, and sets aside in one rename what an earlier session had under way. */
  static async open(stateDir: string): Promise<Layout> {
    const layout = new Layout(await realpath(stateDir)); // as /proc/self/mountinfo names it
    const own = (path: string): Promise<unknown> => mkdir(path, { recursive: true, mode: 0o700 });
    await Promise.all([layout.layers, layout.snapshots, layout.mounts, layout.trash, layout.damaged].map(own));
    await rename(layout.stage, join(layout.trash, freshName())).catch((e: unknown) => {
      if (!isAbsent(e)) throw e;
    });
    await own(layout.stage);
    return layout;
  }

  layer(id: string): string {
    return join(this.layers, nameOf(id));
  }

  snapshot(key: string): string {
    return join(this.snapshots, nameOf(key));
  }

  mountPoint(key: string): string {
    return join(this.mounts, nameOf(key));
  }

  /** A new folder to make something in. */
  async newStage(): Promise<string> {
    const path = join(this.stage, freshName());
    await mkdir(path, { mode: 0o700 });
    return path;
  }

  /** Takes something out of the way; absent is fine. */
  async discard(path: string, to: 'trash' | 'damaged' = 'trash'): Promise<void> {
    await rename(path, join(this[to], freshName())).catch((e: unknown) => {
      if (!isAbsent(e)) throw e;
    });
  }
}

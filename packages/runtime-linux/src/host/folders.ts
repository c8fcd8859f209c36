import { mkdir, rename, rm, readdir } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { isAbsent } from '../state/guard.ts';
import { checkId } from '../state/ids.ts';

/** One private folder for each id. */
export class Folders {
  readonly #folder: string;
  readonly #debris: string;

  constructor(stateDir: string) {
    this.#folder = `${stateDir}/folders`;
    this.#debris = `${stateDir}/debris`;
  }

  /** Deletes what an interrupted `drop` left, later. */
  async open(): Promise<void> {
    for (const folder of [this.#folder, this.#debris]) await mkdir(folder, { recursive: true, mode: 0o700 });
  }

  async sweep(): Promise<void> {
    for (const name of await readdir(this.#debris)) await rm(`${this.#debris}/${name}`, { recursive: true, force: true });
  }

  async make(id: string): Promise<string> {
    const path = `${this.#folder}/${checkId(id, 'folder')}`;
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /** Out of the way by one rename, so that an interrupted deletion leaves no half folder. */
  async drop(id: string): Promise<void> {
    const aside = `${this.#debris}/${randomBytes(8).toString('hex')}`;
    try {
      await rename(`${this.#folder}/${checkId(id, 'folder')}`, aside);
    } catch (error) {
      if (isAbsent(error)) return;
      throw error;
    }
    await rm(aside, { recursive: true, force: true });
  }
}

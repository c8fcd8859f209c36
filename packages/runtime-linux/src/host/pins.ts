import { mkdir, rmdir, rm, stat, writeFile } from 'node:fs/promises';
import { hash } from 'node:crypto';
import type { DriverContext } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { Native } from '@gantry/linux';
import { isAbsent } from '../state/guard.ts';
import { isObject } from '../state/journal-line.ts';
import { RecordFolder } from '../state/record-folder.ts';

interface PinRecord {
  /** The hash of the holder. */
  readonly id: string;
  readonly holder: string;
  readonly bootId: string;
  readonly root: string;
  readonly path: string;
}

/** Bind mounts of what a path in a tree was when it was pinned. */
export class Pins {
  readonly #context: DriverContext;
  readonly #native: Native;
  readonly #records: RecordFolder<PinRecord>;
  readonly #folder: string;
  readonly #pins = new Map<string, PinRecord>();

  constructor(context: DriverContext, native: Native) {
    this.#context = context;
    this.#native = native;
    this.#records = new RecordFolder(`${context.stateDir}/pins`, parsePin);
    this.#folder = `${context.runDir}/pins`;
  }

  /** Ends the pins of sessions that are over. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const entry of await this.#records.open()) {
      if (!('record' in entry)) {
        await this.#remove(entry.id);
        continue;
      }
      const { record } = entry;
      this.#pins.set(record.holder, record);
      const temporary = record.holder.startsWith('tmp:') && !record.holder.startsWith(`tmp:${this.#context.session}:`);
      if (temporary) await this.unpin(record.holder);
    }
  }

  /**
   * @param what.root of the tree, on the host
   * @param what.folder what is there is a folder: if it is none any more, pinning fails
   * @throws `GantryError` conflict `pin-exists`; notFound: the path
   */
  async pin({ root, path, folder }: { readonly root: string; readonly path: string; readonly folder: boolean }, holder: string): Promise<string> {
    const known = this.#pins.get(holder);
    const id = hash('sha256', holder).slice(0, 32);
    const target = `${this.#folder}/${id}`;
    if (known !== undefined) {
      if (known.root !== root || known.path !== path) throw new GantryError('conflict', 'pin-exists', `${holder} pins ${known.path} already: end that pin first`, { details: { holder } });
      if (known.bootId === this.#context.bootId) return target;
    }
    const record: PinRecord = { id, holder, bootId: this.#context.bootId, root, path };
    await this.#records.set(record); // first, so that the mount is found again whatever happens
    this.#pins.set(holder, record);
    try {
      await this.#native.umount(target, { detach: true }); // an earlier attempt's
      await removeTarget(target);
      if (folder) await mkdir(target, { mode: 0o700 });
      else await writeFile(target, '', { mode: 0o600 });
      // The kernel resolves the path, in the tree, at the moment at which it is mounted.
      await this.#native.bind({ source: path, target, recursive: true, within: root });
    } catch (error) {
      await this.unpin(holder);
      throw error;
    }
    return target;
  }

  /** Absent is fine. */
  async unpin(holder: string): Promise<void> {
    const record = this.#pins.get(holder);
    if (record === undefined) return;
    await this.#remove(record.id);
    this.#pins.delete(holder);
  }

  async #remove(id: string): Promise<void> {
    const target = `${this.#folder}/${id}`;
    await this.#native.umount(target, { detach: true });
    await removeTarget(target);
    await this.#records.delete(id);
  }
}

async function removeTarget(target: string): Promise<void> {
  try {
    if ((await stat(target)).isDirectory()) await rmdir(target);
    else await rm(target);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

function parsePin(value: unknown): PinRecord | undefined {
  if (!isObject(value)) return undefined;
  const { id, holder, bootId, root, path } = value;
  return typeof id === 'string' && typeof holder === 'string' && typeof bootId === 'string' && typeof root === 'string' && typeof path === 'string'
    ? { id, holder, bootId, root, path }
    : undefined;
}

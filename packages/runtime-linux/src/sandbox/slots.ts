import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { isGantryError } from '@gantry/errors';
import type { JoinName, Keeper, NamespaceName, Native, PinName } from '@gantry/linux';
import { isFrozen, thaw } from '../cgroup/freezer.ts';
import type { CgroupTree } from '../cgroup/tree.ts';
import { within } from '../state/deadline.ts';
import { errnoOf } from '../state/guard.ts';
import { readJson } from '../state/record-folder.ts';
import { parseSlot, type SlotRecord } from '../state/records.ts';

/** What a slot is made of. */
export interface SlotRequest {
  /** From `newKey()`. */
  readonly key: string;
  /** Made new; a mount namespace always is. */
  readonly namespaces: readonly Exclude<NamespaceName, 'mount' | 'user'>[];
  readonly join: Readonly<Partial<Record<JoinName, string>>>;
  /** Path of its control group, see `CgroupTree.path`. */
  readonly cgroup: string;
}

/** A keeper with its waiting process. Whose it is stands in the record that claims it, not here. */
export interface Slot {
  readonly record: SlotRecord;
  readonly keeper: Keeper;
}

/** Namespaces that live on without a process; a control group's namespace is of no use to others. */
const pinned = ['net', 'ipc', 'uts'] as const satisfies readonly PinName[];

const discardMs = 20_000;

/**
 * Makes slots, finds them again and takes them apart. Making one is separate from claiming one: a pool makes them ahead.
 */
export class Slots {
  readonly #native: Native;
  readonly #tree: CgroupTree;
  readonly #folder: string;
  /** A slot that was left over may have the control group that a new one is to get. */
  #swept: Promise<void> = Promise.resolve();

  /** @param folder For these slots alone; short, see `newKey`. */
  constructor(native: Native, tree: CgroupTree, folder: string) {
    this.#native = native;
    this.#tree = tree;
    this.#folder = folder;
  }

  /** The keys of all slots, claimed or not. */
  async keys(): Promise<string[]> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    return readdir(this.#folder);
  }

  dir(key: string): string {
    return `${this.#folder}/${key}`;
  }

  /** Where a namespace of a slot is pinned. */
  pin(key: string, name: PinName): string {
    return `${this.dir(key)}/${name}`;
  }

  /** Ends slots that nobody claims, in the background; new ones are made after that. */
  sweep(stray: readonly string[], onError: (key: string, error: unknown) => void): void {
    this.#swept = (async () => {
      for (const key of stray) {
        try {
          await this.discard(key);
        } catch (error) {
          onError(key, error);
        }
      }
    })();
  }

  /** Short, since it is part of the path of a socket. */
  newKey(): string {
    return randomBytes(6).toString('hex');
  }

  /** A new slot; all of it is undone if it fails. */
  async make({ key, namespaces, join, cgroup }: SlotRequest): Promise<Slot> {
    const record: SlotRecord = { key, cgroup };
    const dir = this.dir(key);
    await this.#swept;
    await mkdir(dir, { mode: 0o700 });
    try {
      await writeFile(`${dir}/slot.json`, JSON.stringify(record), { mode: 0o600 });
      await this.#tree.prepareParent(cgroup);
      const oom = this.#tree.oom(cgroup);
      const keeper = await this.#native.spawnKeeper({
        key,
        dir,
        namespaces: ['mount', ...namespaces],
        join,
        pin: Object.fromEntries(pinned.filter((name) => namespaces.includes(name)).map((name) => [name, this.pin(key, name)])),
        cgroup: this.#tree.keeper(cgroup),
        ...(oom === undefined ? {} : { oom }),
        loopback: namespaces.includes('net'),
      });
      return { record, keeper };
    } catch (error) {
      try {
        await this.discard(key);
      } catch (undo) {
        throw new AggregateError([error, undo], 'making a slot failed, and so did clearing up behind it', { cause: undo });
      }
      throw error;
    }
  }

  /** undefined: no keeper answers there. */
  async connect(key: string): Promise<Keeper | undefined> {
    try {
      return await this.#native.connectKeeper(this.dir(key));
    } catch (error) {
      if (isGantryError(error) && (error.kind === 'notFound' || error.kind === 'unavailable')) return undefined;
      throw error;
    }
  }

  /** Ends whatever is left of a slot: processes, control groups, pins, files. Repeatable; absent is fine. */
  async discard(key: string, keeper?: Keeper): Promise<void> {
    const connected = keeper ?? (await this.connect(key));
    if (connected !== undefined) await endKeeper(connected);
    const record = parseSlot(await readJson(`${this.dir(key)}/slot.json`));
    if (record !== undefined) await this.#clearGroup(record.cgroup);
    for (const name of pinned) await this.#native.unpin(this.pin(key, name));
    await rm(this.dir(key), { recursive: true, force: true });
  }

  /** Without a keeper; what is stopped there could not die. */
  async #clearGroup(cgroup: string): Promise<void> {
    const pids = await this.#tree.pids(cgroup);
    for (const pid of pids) kill(pid);
    const place = this.#tree.place(cgroup);
    if (pids.length > 0 && (await isFrozen(place))) await thaw(place);
    await this.#tree.remove(cgroup);
  }
}

/** One that is dead already needs no more. */
async function endKeeper(keeper: Keeper): Promise<void> {
  try {
    await within(discardMs, `ending the keeper ${keeper.key}`, keeper.delete({ force: true }));
  } catch (error) {
    if (!isGantryError(error) || error.kind !== 'unavailable') throw error;
  } finally {
    await keeper[Symbol.asyncDispose]();
  }
}

/** Of a control group that has no keeper any more; the group tells whose the number is, so it is no stranger's. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

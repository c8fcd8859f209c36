import type { At, Bytes, Call, CheckFinding, FileStat, Host, HostInfo, IdMap, Mount, WalkEntry } from '@gantry/driver-api';
import { GantryError, isGantryError } from '@gantry/errors';
import type { FsSession, Native } from '@gantry/linux';
import { checkSignal } from '../state/deadline.ts';
import { guarded, guardedIterable } from '../state/guard.ts';
import { KeyedLock } from '../state/lock.ts';
import { toFileStat, toWalkEntry } from './convert.ts';
import type { Folders } from './folders.ts';
import type { Pins } from './pins.ts';
import { ps } from './ps/ps.ts';
import { resolveInTree } from './resolve.ts';
import { octal, type CopyOptions } from './copy.ts';
import { tarOf, untarInto, type TarOptions, type UntarInto } from './streams.ts';
import type { OpenTree, Trees } from './trees.ts';
import { runTask } from './worker-task.ts';

/** What a host is opened with: see `host-plugin.ts`. */
export interface HostState {
  readonly domain: string;
  readonly info: HostInfo;
  readonly native: Native;
  readonly trees: Trees;
  readonly folders: Folders;
  readonly pins: Pins;
}

/** The machine that this process runs on. See `Host` for what each method promises. */
export class LinuxHost implements Host {
  readonly name = 'linux';
  readonly domain: string;
  readonly #state: HostState;
  readonly #locks = new KeyedLock();
  #closed = false;

  constructor(state: HostState) {
    this.domain = state.domain;
    this.#state = state;
  }

  info(): Promise<HostInfo> {
    return this.#run(() => this.#state.info);
  }

  openTree(key: string, t: { root: string; mounts: Mount[]; idmap?: IdMap; readOnly?: boolean }, o: Call = {}): Promise<void> {
    return this.#run(() => this.#locks.run(key, () => this.#state.trees.open(key, t, o.signal)));
  }

  closeTree(key: string): Promise<void> {
    return this.#run(() => this.#locks.run(key, () => this.#state.trees.close(key)));
  }

  stat(at: At, o: { follow?: boolean } = {}): Promise<FileStat> {
    return this.#in(at, o.follow ?? false, async ({ session }, path) => toFileStat(await session.stat(path)));
  }

  readFile(at: At, o: { max: number }): Promise<Uint8Array> {
    return this.#in(at, true, async ({ session }, path) => new Uint8Array(await session.readFile(path, { max: o.max })));
  }

  writeFile(at: At, data: Uint8Array, o: { mode: number; uid: number; gid: number }): Promise<void> {
    return this.#in(at, false, async ({ session }, path) => {
      await refuseOther(session, path, 'file', new GantryError('invalid', 'not-a-file', `${at.path} is there and is no regular file`, { details: { path: at.path } }));
      await session.writeFile(path, data, o);
    });
  }

  mkdir(at: At, o: { mode: number; uid: number; gid: number; parents: boolean }): Promise<void> {
    return this.#in(at, true, async ({ session }, path) => {
      try {
        await session.mkdir(path, o);
      } catch (error) {
        if (!isGantryError(error) || error.kind !== 'conflict') throw error;
        await refuseOther(session, path, 'dir', error);
      }
    });
  }

  symlink(at: At, target: string, o: { uid: number; gid: number }): Promise<void> {
    return this.#in(at, false, ({ session }, path) => session.symlink(path, target, o));
  }

  remove(at: At): Promise<void> {
    return this.#in(at, false, ({ session }, path) => session.remove(path));
  }

  walk(at: At, o: Call & { hash?: boolean } = {}): AsyncIterable<WalkEntry> {
    return this.#stream(async function* (this: LinuxHost) {
      const { tree, path } = await this.#resolve(at, true);
      if (o.hash === true) {
        yield* runTask({ kind: 'digests', tree: this.#state.trees.target(tree), path }, o.signal);
        return;
      }
      for await (const entry of tree.session.walk(path)) {
        checkSignal(o.signal);
        if (entry.path.byteLength > 0 || entry.type !== 'dir') yield toWalkEntry(path, entry);
      }
    }.call(this));
  }

  tar(at: At, o: Call & TarOptions = {}): Bytes {
    return this.#stream(async function* (this: LinuxHost) {
      const { tree, path } = await this.#resolve(at, false);
      yield* tarOf(this.#state.trees.target(tree), path, o);
    }.call(this));
  }

  untar(at: At, tar: Bytes, o: Call & UntarInto): Promise<void> {
    return this.#in(at, true, (tree, path) => untarInto(this.#state.trees.target(tree), path, tar, o));
  }

  copy(from: At, to: At, o: Call & CopyOptions = {}): Promise<void> {
    return this.#run(async () => {
      const { signal, ...options } = o;
      if (options.chmod !== undefined) octal(options.chmod);
      const source = await this.#resolve(from, false);
      const folder = (await source.tree.session.stat(source.path)).type === 'dir';
      const target = await this.#resolve(to, folder);
      const { trees } = this.#state;
      const copy = { from: { tree: trees.target(source.tree), path: source.path }, to: { tree: trees.target(target.tree), path: target.path }, folder, options };
      await Array.fromAsync(runTask({ kind: 'copy', copy }, signal));
    });
  }

  pin(at: At, holder: string): Promise<{ path: string }> {
    return this.#run(() => this.#locks.run(`pin ${holder}`, async () => {
      const { request, session } = await this.#state.trees.get(at.tree);
      const folder = (await session.stat(await resolveInTree(session, at.path, true))).type === 'dir';
      return { path: await this.#state.pins.pin({ root: request.root, path: at.path, folder }, holder) };
    }));
  }

  unpin(holder: string): Promise<void> {
    return this.#run(() => this.#locks.run(`pin ${holder}`, () => this.#state.pins.unpin(holder)));
  }

  folder(id: string): Promise<{ path: string }> {
    return this.#run(() => this.#locks.run(`folder ${id}`, async () => ({ path: await this.#state.folders.make(id) })));
  }

  dropFolder(id: string): Promise<void> {
    return this.#run(() => this.#locks.run(`folder ${id}`, () => this.#state.folders.drop(id)));
  }

  ps(args: string[]): Promise<{ titles: string[]; rows: string[][] }> {
    return this.#run(() => ps(args));
  }

  status(): Promise<[string, string][]> {
    const { info, trees, native } = this.#state;
    return this.#run(() => [
      ['Kernel', info.kernel],
      ['Operating System', info.features['os'] ?? info.os],
      ['Open Trees', String(trees.size)],
      ['Native Build', native.build],
    ]);
  }

  check(): AsyncIterable<CheckFinding> {
    const nothing: readonly CheckFinding[] = []; // what it keeps is looked at, and righted, by open()
    return this.#stream(
      (async function* () {
        yield* await Promise.resolve(nothing);
      })(),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await guarded(async () => {
      await this.#state.trees.closeAll();
      await this.#state.native[Symbol.asyncDispose]();
    });
  }

  /** An operation on a path whose links are resolved inside its tree. */
  #in<T>(at: At, follow: boolean, work: (tree: OpenTree, path: string) => Promise<T>): Promise<T> {
    return this.#run(async () => {
      const tree = await this.#state.trees.get(at.tree);
      return work(tree, await resolveInTree(tree.session, at.path, follow));
    });
  }

  async #resolve(at: At, follow: boolean): Promise<{ readonly tree: OpenTree; readonly path: string }> {
    const tree = await this.#state.trees.get(at.tree);
    return { tree, path: await resolveInTree(tree.session, at.path, follow) };
  }

  async *#stream<T>(values: AsyncIterable<T>): AsyncGenerator<T> {
    this.#check();
    yield* guardedIterable(values);
  }

  #run<T>(work: () => T | Promise<T>): Promise<T> {
    return guarded(async () => {
      this.#check();
      return work();
    });
  }

  #check(): void {
    if (this.#closed) throw new GantryError('unavailable', 'driver-closed', 'This host was closed');
  }
}

/** Throws if something of another type has the name. */
async function refuseOther(session: FsSession, path: string, type: 'file' | 'dir', error: GantryError): Promise<void> {
  try {
    if ((await session.stat(path)).type === type) return;
  } catch (absent) {
    if (isGantryError(absent) && absent.kind === 'notFound') return;
    throw absent;
  }
  throw error;
}

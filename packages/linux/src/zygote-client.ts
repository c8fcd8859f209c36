import { GantryError, isGantryError } from '@gantry/errors';
import { asList, Fields } from './fields.ts';
import type { NativeEndpoint } from './fs-types.ts';
import type { Keeper } from './keeper.ts';
import { KeeperClient } from './keeper-client.ts';
import type { FsConnection, Native, NetlinkCall } from './native.ts';
import type { BindRequest, FsRequest, KeeperExit, KeeperInfo, KeeperRequest, MountRequest, OverlayRequest } from './protocol.ts';
import { dialWith, Rpc, type Dialled } from './rpc.ts';

/** `Native` over a connection to the zygote. */
export class ZygoteClient implements Native {
  readonly pid: number;
  readonly build: string;
  readonly closed: Promise<void>;
  readonly #rpc: Rpc;
  readonly #socket: string;
  readonly #instance: string;
  readonly #watchers = new Set<(exit: KeeperExit) => void>();
  #watching: Promise<unknown> | undefined;

  /** @param socket Where further connections go. */
  constructor(dialled: Dialled, socket: string) {
    this.pid = dialled.hello.pid;
    this.build = dialled.hello.build;
    this.#instance = dialled.hello.instance;
    this.#socket = socket;
    this.#rpc = new Rpc(dialled, (event) => {
      this.#event(event);
    });
    this.closed = this.#rpc.ended;
  }

  get endpoint(): NativeEndpoint {
    return { socket: this.#socket, build: this.build, instance: this.#instance };
  }

  async ping(): Promise<void> {
    await this.#rpc.request({ op: 'ping' });
  }

  async mount(r: MountRequest): Promise<void> {
    await this.#rpc.request({ op: 'mount', ...r });
  }

  async overlay(r: OverlayRequest): Promise<void> {
    await this.#rpc.request({ op: 'overlay', ...r });
  }

  async bind(r: BindRequest): Promise<void> {
    await this.#rpc.request({ op: 'bind', ...r });
  }

  async umount(target: string, o: { readonly detach?: boolean } = {}): Promise<boolean> {
    const ok = await this.#rpc.request({ op: 'umount', target, detach: o.detach ?? false });
    return ok.boolean('mounted');
  }

  async mkfifo(path: string, mode: number): Promise<void> {
    await this.#rpc.request({ op: 'mkfifo', path, mode });
  }

  async netlink(r: NetlinkCall): Promise<Uint8Array[][]> {
    const messages = r.messages.map((m) => Buffer.from(m.buffer, m.byteOffset, m.byteLength).toString('base64'));
    const ok = await this.#rpc.request({ op: 'netlink', ...r, messages });
    return ok.list('replies').map((replies) => asList(replies, 'replies').map((reply) => bytes(reply)));
  }

  async unpin(path: string): Promise<void> {
    await this.#rpc.request({ op: 'unpin', path });
  }

  async bury(dir: string): Promise<boolean> {
    const ok = await this.#rpc.request({ op: 'bury', dir });
    return ok.boolean('buried');
  }

  async spawnKeeper(r: KeeperRequest): Promise<Keeper> {
    await this.#rpc.request({ op: 'keeper', ...r });
    return KeeperClient.connect(r.dir, this.#instance, r.key);
  }

  async connectKeeper(dir: string): Promise<Keeper> {
    try {
      return await KeeperClient.connect(dir, this.#instance);
    } catch (error) {
      if (isGantryError(error) && error.code === 'native-not-listening') {
        throw new GantryError('notFound', 'keeper-not-found', `No keeper listens in ${dir}`, { cause: error, details: { dir } });
      }
      throw error;
    }
  }

  async keepers(): Promise<readonly KeeperInfo[]> {
    const ok = await this.#rpc.request({ op: 'keepers' });
    return ok.list('keepers').map((value) => {
      const keeper = Fields.of(value, 'keeper');
      return { key: keeper.string('key'), pid: keeper.number('pid'), dir: keeper.string('dir') };
    });
  }

  async watchKeepers(onExit: (exit: KeeperExit) => void): Promise<() => void> {
    // Each call is a watcher of its own, although the function may be the same.
    const watcher = (exit: KeeperExit): void => {
      onExit(exit);
    };
    this.#watchers.add(watcher);
    this.#watching ??= this.#rpc.request({ op: 'watch' });
    await this.#watching;
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  async openFs(r: FsRequest): Promise<FsConnection> {
    const { frames, ok } = await dialWith(this.#socket, this.#instance, { op: 'fs', ...r });
    return { pid: ok.number('pid'), frames, [Symbol.asyncDispose]: () => frames.close() };
  }

  async quit(): Promise<void> {
    await this.#rpc.request({ op: 'quit' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rpc[Symbol.asyncDispose]();
  }

  #event(event: Fields): void {
    if (event.optionalString('event') !== 'keeper-exit') return;
    const exit: KeeperExit = { event: 'keeper-exit', key: event.string('key'), dir: event.string('dir'), status: event.number('status') };
    for (const watcher of this.#watchers) watcher(exit);
  }
}

function bytes(reply: unknown): Uint8Array {
  if (typeof reply !== 'string') throw new GantryError('internal', 'native-protocol', 'The native side sent a reply of netlink that is no string');
  return Buffer.from(reply, 'base64');
}

import { join } from 'node:path';
import { GantryError } from '@gantry/errors';
import { AttachClient } from './attach-client.ts';
import { Fields } from './fields.ts';
import type { FrameConnection } from './frames.ts';
import type { Attachment, Keeper } from './keeper.ts';
import { exitRecord, keeperEvent, keeperState } from './keeper-wire.ts';
import {
  frameType,
  type AttachRequest,
  type CgroupWrite,
  type CreateRequest,
  type ExecRequest,
  type ExitRecord,
  type KeeperEvent,
  type KeeperState,
  type LogSinkWire,
} from './protocol.ts';
import { dial, dialWith, Rpc, type RequestBody } from './rpc.ts';

/** `Keeper` over a control connection; streams and watching have connections of their own. */
export class KeeperClient implements Keeper {
  readonly key: string;
  readonly dir: string;
  readonly pid: number;
  readonly build: string;
  readonly version: number;
  readonly closed: Promise<void>;
  readonly #rpc: Rpc;
  readonly #instance: string;
  /** Requests under way for which the keeper makes later ones of the same connection wait. */
  #slow = 0;
  /** For what cannot wait behind them. */
  #urgent: Promise<Rpc> | undefined;
  /** Someone waits for their next event, and is let go when this is disposed of. */
  readonly #watches = new Set<FrameConnection>();
  #disposed = false;

  private constructor(rpc: Rpc, dir: string, key: string) {
    this.#rpc = rpc;
    this.#instance = rpc.hello.instance;
    this.dir = dir;
    this.key = key;
    this.pid = rpc.hello.pid;
    this.build = rpc.hello.build;
    this.version = rpc.hello.version;
    this.closed = rpc.ended;
  }

  /** @param key If it is known: else the keeper is asked. @throws GantryError notFound `native-not-listening`. */
  static async connect(dir: string, instance: string, key?: string): Promise<KeeperClient> {
    const rpc = new Rpc(await dial(join(dir, 's'), instance));
    try {
      return new KeeperClient(rpc, dir, key ?? (await rpc.request({ op: 'state' })).string('key'));
    } catch (error) {
      await rpc[Symbol.asyncDispose]();
      throw error;
    }
  }

  async create(r: CreateRequest): Promise<{ readonly pid: number }> {
    const ok = await this.#waitingFor({ op: 'create', ...r });
    return { pid: ok.number('pid') };
  }

  async start(execId?: string): Promise<{ readonly pid: number; readonly startedAt: string }> {
    const ok = await this.#waitingFor({ op: 'start', ...ofExec(execId) });
    return { pid: ok.number('pid'), startedAt: ok.string('startedAt') };
  }

  async exec(r: ExecRequest): Promise<{ readonly pid: number }> {
    const ok = await this.#waitingFor({ op: 'exec', ...r });
    return { pid: ok.number('pid') };
  }

  async kill(signal: number, o: { readonly execId?: string; readonly all?: boolean } = {}): Promise<void> {
    await this.#atOnce({ op: 'kill', signal, ...o });
  }

  async attach(r: AttachRequest): Promise<Attachment> {
    const { frames } = await dialWith(join(this.dir, 's'), this.#instance, { op: 'attach', ...r });
    return new AttachClient(frames, r.stdin);
  }

  async resize(size: { readonly rows: number; readonly cols: number }, execId?: string): Promise<void> {
    await this.#rpc.request({ op: 'resize', rows: size.rows, cols: size.cols, ...ofExec(execId) });
  }

  async setLog(log: LogSinkWire): Promise<void> {
    await this.#rpc.request({ op: 'setLog', log });
  }

  async state(): Promise<KeeperState> {
    return keeperState(await this.#atOnce({ op: 'state' }));
  }

  async *watch(): AsyncGenerator<KeeperEvent, void, void> {
    const { frames } = await dialWith(join(this.dir, 's'), this.#instance, { op: 'watch' });
    this.#watches.add(frames);
    try {
      if (this.#disposed) return;
      for (let frame = await frames.receive(); frame !== undefined; frame = await frames.receive()) {
        if (frame.type !== frameType.json) throw new GantryError('internal', 'native-protocol', `An event was expected, not a frame of type ${frame.type}`);
        const event = keeperEvent(Fields.parse(frame.payload));
        if (event !== undefined) yield event;
      }
    } finally {
      this.#watches.delete(frames);
      await frames.close();
    }
  }

  async write(writes: readonly CgroupWrite[]): Promise<void> {
    await this.#rpc.request({ op: 'write', write: writes });
  }

  async devices(program: Uint8Array): Promise<void> {
    await this.#rpc.request({ op: 'devices', program: Buffer.from(program.buffer, program.byteOffset, program.byteLength).toString('base64') });
  }

  async forget(execId: string): Promise<void> {
    await this.#rpc.request({ op: 'forget', execId });
  }

  async delete(o: { readonly force?: boolean } = {}): Promise<ExitRecord | null> {
    const ok = await this.#waitingFor({ op: 'delete', force: o.force ?? false });
    // The keeper closes its connections by ending.
    await this.#rpc.ended;
    const exit = ok.optionalObject('exit');
    return exit === undefined ? null : exitRecord(exit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    for (const frames of this.#watches) frames.destroy();
    await this.#rpc[Symbol.asyncDispose]();
    if (this.#urgent === undefined) return;
    const [urgent] = await Promise.allSettled([this.#urgent]);
    if (urgent.status === 'fulfilled') await urgent.value[Symbol.asyncDispose]();
  }

  async #waitingFor(body: RequestBody): Promise<Fields> {
    this.#slow += 1;
    try {
      return await this.#rpc.request(body);
    } finally {
      this.#slow -= 1;
    }
  }

  async #atOnce(body: RequestBody): Promise<Fields> {
    if (this.#slow === 0) return this.#rpc.request(body);
    this.#urgent ??= dial(join(this.dir, 's'), this.#instance).then((dialled) => new Rpc(dialled));
    return (await this.#urgent).request(body);
  }
}

function ofExec(execId: string | undefined): { readonly execId?: string } {
  return execId === undefined ? {} : { execId };
}

import type {
  Attached, Call, CheckFinding, CreateRequest, Exit, Io, LogSink, Runtime, RuntimeCapabilities, RuntimeEvent, Sandbox, SandboxRequest, Size, State, Stats,
} from '@gantry/driver-api';
import { GantryError, isGantryError } from '@gantry/errors';
import type { OciProcess, OciResources } from '@gantry/oci';
import type { Container } from './container/container.ts';
import { attach, kill, pause, requireKeeper, resume, start, stats, update } from './container/control.ts';
import { createContainer } from './container/create.ts';
import { deleteContainer } from './container/delete.ts';
import { deleteExec } from './container/delete-exec.ts';
import { execIn } from './container/exec.ts';
import type { Parts } from './container/parts.ts';
import { runtimeCapabilities } from './features.ts';
import { badField } from './plan/field.ts';
import type { Sandboxes } from './sandbox/sandboxes.ts';
import { atMost, checkSignal, unlessAborted, within } from './state/deadline.ts';
import { guarded, guardedIterable } from './state/guard.ts';
import { checkId } from './state/ids.ts';
import { isObject } from './state/journal-line.ts';
import { KeyedLock } from './state/lock.ts';

const controlMs = 10_000;

/** How long a question about one container waits for a keeper that was just found again; then it is answered as was known. */
const stateMs = 1000;

/** What a runtime is opened with: see `open-runtime.ts`. */
export interface RuntimeState {
  readonly parts: Parts;
  readonly sandboxes: Sandboxes;
  readonly containers: Map<string, Container>;
  /** What was found damaged while opening. */
  readonly findings: Damage[];
}

/** Something that is wrong, and what rights it. */
export interface Damage extends Omit<CheckFinding, 'repaired'> {
  repair(): Promise<void>;
}

/** Containers by namespaces and control groups. See `Runtime` for what each method promises. */
export class LinuxRuntime implements Runtime {
  readonly name = 'linux';
  readonly domain: string;
  readonly capabilities: RuntimeCapabilities;
  readonly #parts: Parts;
  readonly #sandboxes: Sandboxes;
  readonly #containers: Map<string, Container>;
  readonly #findings: Damage[];
  readonly #locks = new KeyedLock();
  #closed = false;
  /** Rejects when the driver is closed: what waits without end waits for this too. */
  readonly #closing = Promise.withResolvers<never>();

  constructor({ parts, sandboxes, containers, findings }: RuntimeState) {
    this.domain = parts.context.domain;
    this.capabilities = runtimeCapabilities(parts.tree.host);
    this.#parts = parts;
    this.#sandboxes = sandboxes;
    this.#containers = containers;
    this.#findings = findings;
    this.#closing.promise.catch(() => undefined); // when nobody waits
  }

  openSandbox(r: SandboxRequest, o: Call = {}): Promise<Sandbox> {
    return this.#run(() => this.#locks.run(`s:${checkId(r.id, 'sandbox')}`, () => this.#sandboxes.open(r, o.signal)));
  }

  closeSandbox(id: string): Promise<void> {
    return this.#run(() => this.#locks.run(`s:${id}`, async () => {
      const inside = [...this.#containers.values()].filter(({ record }) => record.sandbox === id).map((container) => container.id);
      if (inside.length > 0) {
        throw new GantryError('conflict', 'sandbox-in-use', `Sandbox ${id} holds ${inside.join(', ')}: delete that first`, { details: { id, containers: inside } });
      }
      await this.#sandboxes.close(id);
    }));
  }

  create(r: CreateRequest, o: Call = {}): Promise<State> {
    return this.#run(() => this.#locked(checkId(r.id, 'container'), async () => {
      if (this.#containers.has(r.id)) await this.#ready(r.id).catch(absent);
      const known = this.#containers.get(r.id);
      if (known !== undefined) {
        if (known.record.token === r.token) return known.state;
        throw new GantryError('conflict', 'container-exists', `There is a container ${r.id} already: delete it first`, { details: { id: r.id } });
      }
      checkSignal(o.signal);
      // The sandbox's own lock, so that it is not closed meanwhile.
      return this.#locks.run(`s:${r.sandbox}`, async () => {
        const container = await createContainer(this.#parts, await this.#sandboxes.get(r.sandbox), r, o.signal);
        this.#containers.set(r.id, container);
        return container.state;
      });
    }));
  }

  start(id: string, execId?: string): Promise<State> {
    return this.#run(() => this.#locked(id, async () => {
      const container = await this.#ready(id);
      await start(container, execId);
      return container.state;
    }));
  }

  exec(id: string, execId: string, p: OciProcess, io: Io, o: Call = {}): Promise<{ pid: number }> {
    return this.#run(() => this.#locked(id, async () => {
      checkSignal(o.signal);
      return execIn(this.#parts, await this.#ready(id), execId, p, io);
    }));
  }

  // Signals, streams and questions wait for nobody: they are what one stops a container with that hangs.

  kill(id: string, signal: number, o: { execId?: string; all?: boolean } = {}): Promise<void> {
    return this.#run(async () => kill(this.#parts, await this.#ready(id), signal, o));
  }

  attach(id: string, o: Call & { execId?: string; stdin: boolean; lossless: boolean; bufferBytes: number }): Promise<Attached> {
    return this.#run(async () => {
      checkSignal(o.signal);
      return attach(await this.#ready(id), o);
    });
  }

  resize(id: string, size: Size, execId?: string): Promise<void> {
    return this.#run(async () => {
      const container = await this.#ready(id);
      if (execId !== undefined) container.exec(execId);
      await within(controlMs, `resizing the terminal of ${id}`, requireKeeper(container).resize({ rows: size.rows, cols: size.cols }, execId));
    });
  }

  setLog(id: string, sink: LogSink): Promise<void> {
    return this.#run(async () => {
      if (sink.format === 'frames') throw new GantryError('notImplemented', 'log-format-unsupported', 'This runtime writes logs of the format json-file only');
      await within(controlMs, `changing the log of ${id}`, requireKeeper(await this.#ready(id)).setLog(sink));
    });
  }

  spool(id: string): AsyncIterable<never> {
    return guardedIterable(failing(() => this.#run(() => Promise.reject(unsupported('log-format-unsupported', 'spool()', `container ${id} has no log of the format frames`)))));
  }

  trimLog(id: string): Promise<void> {
    return this.#run(() => Promise.reject(unsupported('log-format-unsupported', 'trimLog()', `container ${id} has no log of the format frames`)));
  }

  pause(id: string): Promise<void> {
    return this.#run(() => this.#locked(id, async () => pause(this.#parts, await this.#ready(id))));
  }

  resume(id: string): Promise<void> {
    return this.#run(() => this.#locked(id, async () => resume(this.#parts, await this.#ready(id))));
  }

  update(id: string, r: object): Promise<State> {
    return this.#run(() => this.#locked(id, async () => {
      const container = await this.#ready(id);
      await update(this.#parts, container, asResources(r));
      return container.state;
    }));
  }

  checkpoint(): Promise<void> {
    return this.#run(() => Promise.reject(unsupported('checkpoint-unsupported', 'checkpoint()', 'this runtime makes no checkpoints')));
  }

  stats(id: string, o: Call = {}): Promise<Stats> {
    return this.#run(async () => {
      checkSignal(o.signal);
      return stats(this.#parts, await this.#ready(id));
    });
  }

  pids(id: string): Promise<number[]> {
    return this.#run(async () => {
      const { life, record } = await this.#ready(id);
      return life.status === 'stopped' ? [] : this.#parts.tree.pids(record.cgroup);
    });
  }

  wait(id: string, o: Call & { execId?: string } = {}): Promise<Exit> {
    return this.#run(() => {
      const container = this.#get(id);
      const exit = o.execId === undefined ? container.exit : container.execExit(o.execId);
      return unlessAborted(o.signal, Promise.race([exit, this.#closing.promise]));
    });
  }

  delete(id: string, o: { execId?: string; force?: boolean } = {}): Promise<Exit | null> {
    return this.#run(() => this.#locked(id, async () => {
      if (!this.#containers.has(id)) return null;
      const container = await this.#ready(id);
      const force = o.force ?? false;
      if (o.execId !== undefined) return deleteExec(container, o.execId, force);
      const exit = await deleteContainer(this.#parts, container, { force, ownSlot: !this.#sandboxes.slots.has(container.record.slot) });
      this.#containers.delete(id);
      return exit;
    }));
  }

  state(id: string): Promise<State> {
    return this.#run(async () => {
      await atMost(stateMs, this.#get(id).ready);
      return this.#get(id).state;
    });
  }

  async *list(o: Call = {}): AsyncGenerator<State> {
    await this.#run(() => Promise.resolve());
    for (const container of [...this.#containers.values()]) {
      checkSignal(o.signal);
      yield container.state;
    }
  }

  async *events(o: Call & { after?: string } = {}): AsyncGenerator<RuntimeEvent> {
    await this.#run(() => Promise.resolve());
    yield* guardedIterable(this.#parts.journal.events(o.after, o.signal));
  }

  status(): Promise<[string, string][]> {
    const { host } = this.#parts.tree;
    return this.#run(() => Promise.resolve([
      ['Cgroup Version', host.mode === 'v2' ? '2' : '1'],
      ['Cgroup Driver', 'cgroupfs'],
      ['Containers', String(this.#containers.size)],
      ['Native Build', this.#parts.native.build],
    ]));
  }

  async *check(o: Call & { repair?: boolean } = {}): AsyncGenerator<CheckFinding> {
    await this.#run(() => Promise.resolve());
    for (const damage of this.#findings.splice(0)) {
      checkSignal(o.signal);
      const repaired = o.repair ?? false;
      if (repaired) await this.#run(() => damage.repair());
      else this.#findings.push(damage);
      const { id, code, message } = damage;
      yield { id, code, message, repaired };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#closing.reject(closed());
    await guarded(async () => {
      for (const container of this.#containers.values()) await container.detach();
      await this.#sandboxes.dispose();
      this.#parts.journal.close();
      if (this.#sandboxes.size === 0) await this.#parts.tree.removeOwn();
      await this.#parts.native[Symbol.asyncDispose]();
    });
  }

  #run<T>(work: () => T | Promise<T>): Promise<T> {
    return guarded(async () => {
      if (this.#closed) throw closed();
      return work();
    });
  }

  #locked<T>(id: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.run(`c:${id}`, work);
  }

  /** For what is asked of a container, and not only about it. */
  async #ready(id: string): Promise<Container> {
    const { ready } = this.#get(id);
    await within(controlMs, `finding container ${id} again`, ready);
    return this.#get(id); // it may turn out never to have been made
  }

  #get(id: string): Container {
    const container = this.#containers.get(id);
    if (container === undefined) throw new GantryError('notFound', 'container-not-found', `There is no container ${id}`, { details: { id } });
    return container;
  }
}

/** What was never made is simply absent. */
function absent(error: unknown): void {
  if (!isGantryError(error) || error.kind !== 'notFound') throw error;
}

function closed(): GantryError {
  return new GantryError('unavailable', 'driver-closed', 'This runtime was closed');
}

function unsupported(code: string, method: string, reason: string): GantryError {
  return new GantryError('notImplemented', code, `${method} is not possible: ${reason}`);
}

/** An iterable whose first step fails. */
async function* failing(work: () => Promise<never>): AsyncGenerator<never> {
  yield await work();
}

/** The seam has plain data here; what is in it is checked field by field later. */
function asResources(value: object): OciResources {
  if (!isObject(value) || Array.isArray(value)) throw badField('resources', 'must be an object');
  const known = new Set(['devices', 'memory', 'cpu', 'pids', 'blockIO', 'hugepageLimits', 'unified']);
  const unknown = Object.keys(value).find((key) => !known.has(key));
  if (unknown !== undefined) throw badField(`resources.${unknown}`, 'is no field of the resources');
  return value;
}

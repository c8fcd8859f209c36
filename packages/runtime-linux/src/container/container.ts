import type { Exit, State } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { Keeper, KeeperEvent } from '@gantry/linux';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFrozen } from '../cgroup/freezer.ts';
import { within } from '../state/deadline.ts';
import { parseExit } from '../state/journal-line.ts';
import type { NewEvent } from '../state/journal.ts';
import { afterEvent, eventKey, newborn, statusOf, withExec, withoutExec, type ExecLife, type Life } from '../state/life.ts';
import { readJson } from '../state/record-folder.ts';
import type { ContainerRecord } from '../state/records.ts';
import type { Parts } from './parts.ts';

/** Time that the zygote has to write the exit of a container whose keeper died; what it writes is no other than what is assumed then. */
const lostRecordMs = 300;

/** Time that a keeper has to tell what it knows. */
const catchUpMs = 10_000;

/** More kills for want of memory than these are one story. */
const maxOomEvents = 100;

/** Exits are for waiters. */
type Waiting = PromiseWithResolvers<Exit>;

/**
 * One container as this process knows it: what happened is in the journal, what it is now follows from that. Watches its
 * keeper for as long as it runs.
 */
export class Container {
  readonly record: ContainerRecord;
  /** Connected while there is something to ask of it. */
  keeper: Keeper | undefined;
  pid: number | undefined;
  /** Resolves when it is known what became of it: at once, but for one that was found again. */
  ready: Promise<void> = Promise.resolve();
  readonly #parts: Parts;
  readonly #exit: Waiting = waiting();
  readonly #execExits = new Map<string, Waiting>();
  readonly #told = new Set<string>();
  #life: Life = newborn;
  #ooms = 0;
  #changed = Promise.withResolvers<undefined>();
  #detached = false;

  /** @param past what the journal has of its life */
  constructor(parts: Parts, record: ContainerRecord, past: readonly NewEvent[]) {
    this.#parts = parts;
    this.record = record;
    for (const event of past) this.#apply(event);
  }

  get id(): string {
    return this.record.id;
  }

  get life(): Life {
    return this.#life;
  }

  get state(): State {
    const { id, token, sandbox, keeper } = this.record;
    const { startedAt, exit, execs, status } = this.#life;
    return {
      id,
      token,
      sandbox,
      status: statusOf(this.#life),
      ...(this.pid === undefined || status === 'stopped' ? {} : { pid: this.pid }),
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(exit === undefined ? {} : { exit }),
      execs: [...execs].map(([execId, exec]) => ({ id: execId, status: exec.status, ...(exec.exit === undefined ? {} : { exit: exec.exit }) })),
      keeper: { version: keeper },
    };
  }

  /** How it ended, once it has. */
  get exit(): Promise<Exit> {
    return this.#exit.promise;
  }

  /** @throws `GantryError` notFound `exec-not-found` */
  exec(execId: string): ExecLife {
    const exec = this.#life.execs.get(execId);
    if (exec === undefined) throw new GantryError('notFound', 'exec-not-found', `There is no exec ${execId} in container ${this.id}`, { details: { id: this.id, execId } });
    return exec;
  }

  /** How an exec ended, once it has. @throws `GantryError` notFound `exec-not-found` */
  execExit(execId: string): Promise<Exit> {
    const { exit } = this.exec(execId);
    if (exit !== undefined) return Promise.resolve(exit);
    const pending = this.#execExits.get(execId) ?? waiting();
    this.#execExits.set(execId, pending);
    return pending.promise;
  }

  addExec(execId: string): void {
    this.#life = withExec(this.#life, execId, { status: 'created' });
  }

  dropExec(execId: string): void {
    this.#life = withoutExec(this.#life, execId);
    // Its keeper forgets it too, and so will not tell of it again; a container may have any number of execs.
    for (const key of this.#told) if (key.split(' ')[1] === execId) this.#told.delete(key);
    this.#execExits.get(execId)?.reject(gone(this.id, execId));
    this.#execExits.delete(execId);
  }

  /** Writes an event down, unless it is known, and makes it part of the container's life. */
  tell(event: NewEvent): void {
    if (this.#told.has(eventKey(event)) && event.type !== 'pause' && event.type !== 'resume') return;
    if (event.type === 'oom' && this.#ooms >= maxOomEvents) return;
    if (!this.#parts.journal.append(event)) {
      this.#parts.context.log.error({ id: this.id, type: event.type }, 'the disk is full: an event could not be written down yet');
    }
    this.#apply(event);
  }

  /** Resolves when `what` holds; see `catchUpMs`. */
  async until(what: (life: Life) => boolean): Promise<void> {
    const reached = async (): Promise<void> => {
      while (!what(this.#life)) await this.#changed.promise;
    };
    await within(catchUpMs, `waiting for what the keeper of ${this.id} has to tell`, reached());
  }

  /** Listens to a keeper that has the container. */
  attach(keeper: Keeper): void {
    this.keeper = keeper;
    if (this.#detached) {
      void keeper[Symbol.asyncDispose](); // the driver was closed meanwhile
      return;
    }
    this.#listen(keeper).catch((error: unknown) => {
      this.#parts.context.log.error({ id: this.id, error: String(error) }, 'what became of a container could not be written down');
    });
  }

  /**
   * Finds out what became of the container while nobody listened.
   *
   * @returns false: it was never made; its record is all there is of it
   */
  async adopt(): Promise<boolean> {
    const { bootId, token, slot } = this.record;
    if (this.#life.status === 'stopped') return true;
    if (bootId !== this.#parts.context.bootId) {
      if (!this.#told.has(eventKey({ id: this.id, type: 'create', at: '' }))) return false;
      this.#lost('reboot', 255);
      return true;
    }
    const keeper = await this.#parts.slots.connect(slot);
    if (keeper === undefined) {
      if (!this.#told.has(eventKey({ id: this.id, type: 'create', at: '' }))) return false;
      await this.#keeperDied();
      return true;
    }
    const found = await keeper.state();
    if (found.token !== token || found.status === 'empty') {
      await keeper[Symbol.asyncDispose]();
      return false;
    }
    this.tell({ id: this.id, type: 'create', at: new Date().toISOString() });
    this.pid = found.pid;
    for (const { id, status } of found.execs) if (status === 'created') this.addExec(id);
    this.attach(keeper);
    const { status } = found;
    await this.until((life) => life.status === status || life.status === 'stopped');
    await this.#noticeFreezer();
    return true;
  }

  /** Stops listening; the container goes on. */
  async detach(): Promise<void> {
    this.#detached = true;
    await this.keeper?.[Symbol.asyncDispose]();
    this.keeper = undefined;
  }

  /** Nobody will learn any more how it ends. */
  abandon(): void {
    this.#exit.reject(gone(this.id));
    for (const [execId, pending] of this.#execExits) pending.reject(gone(this.id, execId));
  }

  async #listen(keeper: Keeper): Promise<void> {
    try {
      for await (const event of keeper.watch()) this.#heard(event);
    } catch (error) {
      this.#parts.context.log.warn({ id: this.id, error: String(error) }, 'the connection to a keeper broke');
    }
    if (this.#detached || this.#life.status === 'stopped') return;
    await this.#keeperDied();
  }

  #heard(event: KeeperEvent): void {
    const { id } = this;
    switch (event.event) {
      case 'start':
        this.tell({ id, type: 'start', at: event.at });
        break;
      case 'exit':
        this.#ended(event.exit);
        break;
      case 'exec-start':
        this.tell({ id, execId: event.execId, type: 'start', at: event.at });
        break;
      case 'exec-exit':
        this.#execEnded(event.execId, exitOf(event.exit));
        break;
      case 'oom':
        // Behind the exit it was told already, see there.
        if (this.#life.status !== 'stopped') this.tell({ id, type: 'oom', at: event.at });
        break;
    }
  }

  #ended(exit: Exit): void {
    // The kernel's count of kills can be ahead of its word that there was one.
    if (exit.oomKilled && this.#ooms === 0) this.tell({ id: this.id, type: 'oom', at: exit.at });
    this.tell({ id: this.id, type: 'exit', at: exit.at, exit: exitOf(exit) });
  }

  #execEnded(execId: string, exit: Exit): void {
    this.tell({ id: this.id, execId, type: 'exit', at: exit.at, exit });
  }

  /** A keeper takes its container with it; the zygote then writes what is known, unless it died too. */
  async #keeperDied(): Promise<void> {
    const path = `${this.#parts.slots.dir(this.record.slot)}/exit.json`;
    const until = performance.now() + lostRecordMs;
    let exit = parseExit(await readJson(path));
    while (exit === undefined && performance.now() < until) {
      await sleep(25);
      exit = parseExit(await readJson(path));
    }
    if (exit === undefined) this.#lost('keeper', 137);
    else {
      this.#execsLost('keeper', 137);
      this.#ended(exit);
    }
  }

  #lost(lost: 'keeper' | 'reboot', code: number): void {
    this.#execsLost(lost, code);
    this.#ended({ code, oomKilled: false, at: new Date().toISOString(), lost });
  }

  #execsLost(lost: 'keeper' | 'reboot', code: number): void {
    for (const [execId, { status }] of this.#life.execs) {
      if (status !== 'stopped') this.#execEnded(execId, { code, oomKilled: false, at: new Date().toISOString(), lost });
    }
  }

  /** Pausing is our own doing, and its word may be missing. */
  async #noticeFreezer(): Promise<void> {
    if (this.#life.status !== 'running') return;
    const frozen = await isFrozen(this.#parts.tree.place(this.record.cgroup));
    if (frozen !== this.#life.paused) this.tell({ id: this.id, type: frozen ? 'pause' : 'resume', at: new Date().toISOString() });
  }

  #apply(event: NewEvent): void {
    this.#told.add(eventKey(event));
    this.#life = afterEvent(this.#life, event);
    if (event.type === 'oom') this.#ooms += 1;
    if (event.type === 'exit' && event.exit !== undefined) {
      if (event.execId === undefined) this.#exit.resolve(event.exit);
      else this.#execExits.get(event.execId)?.resolve(event.exit);
    }
    const changed = this.#changed;
    this.#changed = Promise.withResolvers();
    changed.resolve(undefined);
  }
}

/** Without what only the native side is interested in. */
function exitOf({ code, oomKilled, at, lost }: Exit): Exit {
  return { code, oomKilled, at, ...(lost === undefined ? {} : { lost }) };
}

/** A promise that may be rejected although nobody waits for it. */
function waiting(): Waiting {
  const pending = Promise.withResolvers<Exit>();
  pending.promise.catch(() => undefined);
  return pending;
}

function gone(id: string, execId?: string): GantryError {
  return execId === undefined
    ? new GantryError('notFound', 'container-not-found', `Container ${id} was deleted before it had run`, { details: { id } })
    : new GantryError('notFound', 'exec-not-found', `Exec ${execId} of container ${id} was deleted before it had run`, { details: { id, execId } });
}

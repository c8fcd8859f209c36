import type { LogEntry } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { Core } from '../core.ts';
import { runtimeOf } from '../drivers/drivers.ts';
import type { AttachContainer, ContainerDetails, Containers, ContainerStreams, ContainerSummary, CreateContainer, CreatedContainer, ListContainers, ReadLogs, WaitResult } from '../types/index.ts';
import { throwIfAborted } from '../util/abort.ts';
import { attach } from './attach.ts';
import type { Container } from './container.ts';
import { containerEvent } from './container-events.ts';
import { createContainer } from './create.ts';
import { inspect, list } from './list.ts';
import { readLogs } from './logs.ts';
import { parseName } from './names.ts';
import { pause, unpause } from './pause.ts';
import { remove } from './remove.ts';
import { start } from './start.ts';
import { kill, notRunning, stop, type StopOptions } from './stop.ts';
import { wait, type WaitOptions } from './wait.ts';

/** The containers of an engine; each method is told in `Containers`. */
export class ContainerService implements Containers {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  async create(request: CreateContainer, o: { readonly signal?: AbortSignal } = {}): Promise<CreatedContainer> {
    return createContainer(this.#core, request, o.signal);
  }

  async start(ref: string, o: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const container = this.#core.containers.find(ref);
    throwIfAborted(o.signal);
    await container.actor.run('the start', () => start(this.#core, container));
  }

  async stop(ref: string, o: StopOptions = {}): Promise<void> {
    await stop(this.#core, this.#core.containers.find(ref), o);
  }

  async restart(ref: string, o: StopOptions = {}): Promise<void> {
    const container = this.#core.containers.find(ref);
    // A client that leaves must not leave it stopped: from here on it is done to the end.
    if (container.isRunning) await stop(this.#core, container, { timeout: o.timeout, stopSignal: o.stopSignal });
    await container.actor.run('the start', () => start(this.#core, container));
    this.#core.events.record(containerEvent(container.row, 'restart'));
  }

  async kill(ref: string, signal = ''): Promise<void> {
    await kill(this.#core, this.#core.containers.find(ref), signal);
  }

  async wait(ref: string, o: WaitOptions = {}): Promise<WaitResult> {
    return wait(this.#core.containers.find(ref), o);
  }

  async remove(ref: string, o: { readonly force?: boolean | undefined } = {}): Promise<void> {
    const container = this.#core.containers.find(ref);
    if (container.row.state.status === 'removing') {
      throw new GantryError('conflict', 'removal-in-progress', `removal of container ${container.row.name} is already in progress`, { details: { id: container.id } });
    }
    await container.actor.run('the removal', () => remove(this.#core, container, o.force ?? false));
  }

  async list(o: ListContainers = {}): Promise<readonly ContainerSummary[]> {
    return list(this.#core, o);
  }

  async inspect(ref: string, o: { readonly size?: boolean | undefined } = {}): Promise<ContainerDetails> {
    return inspect(this.#core, this.#core.containers.find(ref), o.size ?? false);
  }

  async *logs(ref: string, o: ReadLogs): AsyncGenerator<LogEntry, undefined, undefined> {
    return yield* readLogs(this.#core, this.#core.containers.find(ref), o);
  }

  async attach(ref: string, o: AttachContainer): Promise<ContainerStreams> {
    return attach(this.#core, this.#core.containers.find(ref), o);
  }

  async resize(ref: string, size: { readonly rows: number; readonly cols: number }): Promise<void> {
    const container = this.#core.containers.find(ref);
    if (!container.isRunning) throw notRunning(container, 'cannot resize a stopped container');
    await runtimeOf(this.#core.drivers, container.row.config.runtime).resize(container.id, size);
    this.#core.events.record(containerEvent(container.row, 'resize', { height: String(size.rows), width: String(size.cols) }));
  }

  async pause(ref: string): Promise<void> {
    const container = this.#core.containers.find(ref);
    await container.actor.run('the pause', () => pause(this.#core, container));
  }

  async unpause(ref: string): Promise<void> {
    const container = this.#core.containers.find(ref);
    await container.actor.run('the resumption', () => unpause(this.#core, container));
  }

  async rename(ref: string, name: string): Promise<void> {
    const core = this.#core;
    const container = core.containers.find(ref);
    const to = parseName(name);
    await container.actor.run('the renaming', async () => {
      const from = container.row.name;
      if (to === from) throw new GantryError('invalid', 'bad-name', 'Renaming a container with the same name as its current name', { details: { name: to } });
      core.containers.reserve(to, container.id);
      const row: Container['row'] = { ...container.row, name: to };
      try {
        core.db.transaction(() => {
          core.table.rename(container.id, to);
          core.events.record(containerEvent(row, 'rename', { oldName: `/${from}` }));
        });
      } catch (error) {
        core.containers.giveBack(to, container.id);
        throw error;
      }
      container.row = row;
      core.containers.giveBack(from, container.id);
    });
  }

  async find(ref: string): Promise<string> {
    return this.#core.containers.find(ref).id;
  }
}

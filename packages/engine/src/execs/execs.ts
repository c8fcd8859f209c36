import { GantryError, isGantryError, toGantryError } from '@gantry/errors';
import { printable } from '@gantry/oci';
import { PendingAttachment } from '../containers/attachments.ts';
import type { Container } from '../containers/container.ts';
import { containerEvent } from '../containers/container-events.ts';
import { parseDetachKeys } from '../containers/detach-keys.ts';
import { startFailure } from '../containers/start-errors.ts';
import { notRunning } from '../containers/stop.ts';
import { badConfig } from '../config/invalid.ts';
import { containerPath } from '../config/paths.ts';
import type { Core } from '../core.ts';
import { holderOf } from '../containers/holds.ts';
import { runtimeOf } from '../drivers/drivers.ts';
import { execProcess } from '../spec/process.ts';
import type { ContainerStreams, CreateExec, ExecDetails, Execs } from '../types/index.ts';
import { randomId } from '../util/ids.ts';
import type { ExecRecord } from './exec-record.ts';

/** Records of one container, so that a client that never starts what it makes cannot fill the memory. */
const maxPerContainer = 4096;

export interface StartExec {
  readonly detach?: boolean | undefined;
  readonly consoleSize?: { readonly rows: number; readonly cols: number } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Further processes of containers; each method is told in `Execs`. */
export class ExecService implements Execs {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  async create(ref: string, request: CreateExec): Promise<string> {
    const container = this.#core.containers.find(ref);
    if (!container.isRunning) throw notRunning(container, 'cannot exec in a stopped container');
    if (container.row.state.status === 'paused') throw new GantryError('conflict', 'container-paused', `Container ${container.row.name} is paused, unpause the container before exec`, { details: { id: container.id } });
    if (request.cmd.length === 0 || request.cmd[0] === '') throw badConfig('cmd', 'No exec command specified');
    if ((request.workingDir ?? '') !== '') containerPath('workingDir', request.workingDir ?? '', `the working directory '${request.workingDir ?? ''}' is invalid, it needs to be an absolute path`);
    parseDetachKeys(request.detachKeys);
    this.#forgetEnded(container);
    const record: ExecRecord = { id: randomId(), containerId: container.id, request, phase: 'created', pid: 0, exitCode: null };
    container.execs.set(record.id, record);
    this.#tell(container, record, `exec_create: ${request.cmd.join(' ')}`);
    return record.id;
  }

  #forgetEnded(container: Container): void {
    if (container.execs.size < maxPerContainer) return;
    const old = [...container.execs.values()].find(({ phase }) => phase === 'ended') ?? [...container.execs.values()].find(({ phase }) => phase === 'created');
    if (old === undefined) throw new GantryError('exhausted', 'too-many-execs', `container ${container.row.name} runs ${maxPerContainer} execs already`, { details: { id: container.id, limit: maxPerContainer } });
    container.execs.delete(old.id);
  }

  async start(id: string, o: StartExec = {}): Promise<ContainerStreams | null> {
    const { container, record } = this.#find(id);
    if (record.phase !== 'created') throw new GantryError('conflict', 'exec-started', `exec ${id} has been started already`, { details: { id } });
    record.phase = 'starting';
    try {
      return await container.actor.run('the start of an exec', () => this.#start(container, record, o));
    } catch (error) {
      const { error: failure, exitCode } = startFailure(error, record.request.cmd[0] ?? '');
      record.phase = 'ended';
      record.exitCode = exitCode;
      throw failure;
    }
  }

  async #start(container: Container, record: ExecRecord, o: StartExec): Promise<ContainerStreams | null> {
    const { drivers, users } = this.#core;
    const { request } = record;
    const { config } = container.row;
    if (!container.isRunning) throw notRunning(container, 'cannot exec in a stopped container');
    const runtime = runtimeOf(drivers, config.runtime);
    const root = await drivers.storage.mount(container.id, holderOf(container.id)); // is mounted: tells where
    const user = await users.resolve({ user: request.user === undefined || request.user === '' ? config.user : request.user, groupAdd: config.security.groupAdd, root: root.path, pristine: undefined });
    const terminal = request.terminal ?? false;
    const process = execProcess({
      config, user, terminal,
      hostname: config.hostname,
      args: request.cmd,
      env: request.env ?? [],
      cwd: firstFilled(request.workingDir, config.workingDir) ?? '/',
      privileged: request.privileged ?? false,
    });
    const stdin = request.attachStdin ?? false;
    const size = o.consoleSize ?? request.consoleSize;
    const { pid } = await runtime.exec(container.id, record.id, process, { terminal, stdin, stdinOnce: true, ...(terminal && size !== undefined ? { size } : {}) });
    record.pid = pid;
    const streams = o.detach === true ? null : await this.#connect(container, record, o.signal);
    await runtime.start(container.id, record.id);
    record.phase = 'running';
    this.#tell(container, record, `exec_start: ${request.cmd.join(' ')}`);
    this.#watch(container, record);
    return streams;
  }

  async #connect(container: Container, record: ExecRecord, signal: AbortSignal | undefined): Promise<ContainerStreams> {
    const { request } = record;
    const terminal = request.terminal ?? false;
    const client = new PendingAttachment(
      {
        terminal,
        stdin: request.attachStdin ?? false,
        stdout: request.attachStdout ?? false,
        stderr: request.attachStderr ?? false,
        lossless: true,
        detachKeys: terminal ? parseDetachKeys(request.detachKeys) : undefined,
        signal,
      },
      (how) => {
        if (how === 'detached') this.#tell(container, record, 'exec_detach');
      },
    );
    await client.connect(runtimeOf(this.#core.drivers, container.row.config.runtime), container.id, record.id);
    return client.streams();
  }

  #watch(container: Container, record: ExecRecord): void {
    const runtime = runtimeOf(this.#core.drivers, container.row.config.runtime);
    runtime.wait(container.id, { execId: record.id }).then(
      async (exit) => {
        record.phase = 'ended';
        record.exitCode = exit.code;
        this.#tell(container, record, 'exec_die', { exitCode: String(exit.code) });
        await runtime.delete(container.id, { execId: record.id });
      },
    ).catch((error: unknown) => {
      record.phase = 'ended';
      // It went with its container, or the engine closes.
      if (isGantryError(error) && ['notFound', 'unavailable', 'aborted'].includes(error.kind)) return;
      this.#core.log.warn({ container: container.id, exec: record.id, error: toGantryError(error).message }, 'how an exec ended could not be learnt');
    });
  }

  async inspect(id: string): Promise<ExecDetails> {
    const { record } = this.#find(id);
    return { id, containerId: record.containerId, running: record.phase === 'running', exitCode: record.exitCode, pid: record.pid, request: record.request };
  }

  async resize(id: string, size: { readonly rows: number; readonly cols: number }): Promise<void> {
    const { container, record } = this.#find(id);
    if (record.phase !== 'running') throw new GantryError('conflict', 'not-running', `exec ${id} is not running`, { details: { id } });
    await runtimeOf(this.#core.drivers, container.row.config.runtime).resize(container.id, size, id);
  }

  #find(id: string): { container: Container; record: ExecRecord } {
    for (const container of this.#core.containers.all()) {
      const record = container.execs.get(id);
      if (record !== undefined) return { container, record };
    }
    throw new GantryError('notFound', 'no-such-exec', `No such exec instance: ${printable(id, 64)}`, { details: { id } });
  }

  #tell(container: Container, record: ExecRecord, action: string, more: Readonly<Record<string, string>> = {}): void {
    if (this.#core.containers.byId(container.id) === undefined) return;
    this.#core.events.record(containerEvent(container.row, action, { ...more, execID: record.id }));
  }
}

function firstFilled(...values: readonly (string | undefined)[]): string | undefined {
  return values.find((value) => value !== undefined && value !== '');
}

import type { Io, Runtime, State } from '@gantry/driver-api';
import { GantryError, toGantryError } from '@gantry/errors';
import type { Core } from '../core.ts';
import { runtimeOf } from '../drivers/drivers.ts';
import { buildSpec, sandboxNamespaces } from '../spec/build-spec.ts';
import { commandOf } from '../spec/process.ts';
import type { ContainerConfig } from '../types/index.ts';
import { randomToken } from '../util/ids.ts';
import { all } from '../util/settle.ts';
import { now } from '../util/time.ts';
import type { Container } from './container.ts';
import { containerEvent } from './container-events.ts';
import { watchExit } from './exit.ts';
import { holderOf, release } from './holds.ts';
import { logSink } from './log-sink.ts';
import { machineDevices } from './machine-devices.ts';
import { removeStopped } from './remove.ts';
import { startFailure } from './start-errors.ts';

/** See `Containers.start`; one step of the container's actor. */
export async function start(core: Core, container: Container): Promise<void> {
  checkStartable(container);
  const token = randomToken();
  const runtime = runtimeOf(core.drivers, container.row.config.runtime);
  const operation = core.operations.begin({ kind: 'start', subject: container.id, token });
  let state: State;
  try {
    await prepareRun(core, container, runtime, token);
    state = await runtime.start(container.id);
  } catch (error) {
    throw await failed(core, container, operation, error);
  }
  commitStart(core, container, { state, token, operation });
  watchExit(core, container, token);
  // Those who came during the start.
  await connectClients(container, runtime);
}

function checkStartable({ id, row }: Container): void {
  switch (row.state.status) {
    case 'running':
    case 'restarting':
      throw new GantryError('notModified', 'already-started', `container ${row.name} is running already`, { details: { id } });
    case 'paused':
      throw new GantryError('conflict', 'container-paused', 'cannot start a paused container, try unpause instead', { details: { id } });
    case 'removing':
    case 'dead':
      throw new GantryError('conflict', 'removal-in-progress', 'container is marked for removal and cannot be started', { details: { id } });
    case 'created':
    case 'exited':
  }
}

/** Everything up to the exec of the program: sandbox and storage beside each other, then the container, then its clients. */
async function prepareRun(core: Core, container: Container, runtime: Runtime, token: string): Promise<void> {
  const { id, row } = container;
  const { config } = row;
  const neverRan = row.state.startedAt === null;
  const mounted = async () => {
    const root = await core.drivers.storage.mount(id, holderOf(id));
    const user = await core.users.resolve({
      user: config.user,
      groupAdd: config.security.groupAdd,
      root: root.path,
      pristine: neverRan ? (row.origin.layerChain ?? undefined) : undefined,
    });
    return { root, user };
  };
  const [, { root, user }, files, log, machine] = await all([
    runtime.openSandbox({
      id,
      namespaces: sandboxNamespaces(config),
      sysctls: config.security.sysctls,
      ...(config.namespaces.uts === 'host' ? {} : { hostname: config.hostname }),
      ...(config.resources.cgroupParent === '' ? {} : { cgroupParent: config.resources.cgroupParent }),
    }),
    mounted(),
    // Written when it was made; the machine's part may have changed since an earlier run.
    neverRan ? core.files.paths(id) : core.files.write(id, config),
    logSink(core, container),
    machineDevices(core.drivers.host, core.session, config),
  ]);
  const { spec, seccomp } = buildSpec({ config, hostname: config.hostname, user, files, ...machine, machine: core.facts });
  await runtime.create({ id, token, sandbox: id, spec, rootfs: { path: root.path }, io: ioOf(config, log), options: { seccomp } });
  await connectClients(container, runtime);
}

function ioOf({ terminal, stdin, stdinOnce, consoleSize }: ContainerConfig, log: Io['log']): Io {
  return { terminal, stdin, stdinOnce, ...(terminal && consoleSize !== undefined ? { size: consoleSize } : {}), ...(log === undefined ? {} : { log }) };
}

async function connectClients(container: Container, runtime: Runtime): Promise<void> {
  const clients = [...container.attachments];
  container.attachments.clear();
  await Promise.all(clients.map(async (client) => {
    try {
      await client.connect(runtime, container.id);
    } catch (error) {
      client.fail(error); // its own trouble, not the container's
    }
  }));
}

interface Started {
  readonly state: State;
  readonly token: string;
  readonly operation: string;
}

/** From here on the container runs: also used when an engine finds that an earlier one got that far. */
export function commitStart(core: Pick<Core, 'db' | 'table' | 'operations' | 'events'>, container: Container, { state, token, operation }: Started): void {
  const { row } = container;
  const running = { ...row.state, status: 'running', pid: state.pid ?? 0, exitCode: 0, oomKilled: false, error: '', startedAt: state.startedAt ?? now(), finishedAt: null } as const;
  core.db.transaction(() => {
    core.table.updateState(container.id, running, token);
    core.operations.end(operation);
    core.events.record(containerEvent(row, 'start'));
  });
  container.row = { ...row, state: running, token };
}

/** Undoes a start in reverse and says why it failed. What cannot be undone now is undone before the next start, or by the next engine. */
async function failed(core: Core, container: Container, operation: string, cause: unknown): Promise<GantryError> {
  const { error, exitCode } = startFailure(cause, commandOf(container.row.config).path);
  for (const client of container.attachments) client.giveUp();
  container.attachments.clear();
  try {
    await release(core, container);
  } catch (undone) {
    core.log.warn({ container: container.id, error: toGantryError(undone).message }, 'a start that failed left something behind; the next start of the engine removes it');
    return error;
  }
  const state = { ...container.row.state, exitCode, error: error.message };
  core.db.transaction(() => {
    core.table.updateState(container.id, state, null);
    core.operations.end(operation);
  });
  container.row = { ...container.row, state, token: null };
  if (container.row.config.autoRemove) await removeStopped(core, container);
  return error;
}

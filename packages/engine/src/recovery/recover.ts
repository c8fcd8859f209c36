import type { Exit, Runtime, Snapshot, State } from '@gantry/driver-api';
import { toGantryError } from '@gantry/errors';
import { commitExit } from '../containers/commit-exit.ts';
import type { Container } from '../containers/container.ts';
import { watchExit } from '../containers/exit.ts';
import { deleteOwned, release } from '../containers/holds.ts';
import { removeStopped } from '../containers/remove.ts';
import { commitStart } from '../containers/start.ts';
import type { Core } from '../core.ts';
import type { Operation } from '../state/operations.ts';
import { tearDown } from '../util/settle.ts';
import { now } from '../util/time.ts';

/** What Docker shows for a container whose end nobody saw. */
const unseenExit = 255;

/**
 * Makes the database, the runtimes and the storage agree again, whatever moment an earlier engine ended at: what was
 * begun is undone if the program did not run yet, and finished if it did; containers that run are taken over; ends that
 * nobody was there to see are told now, with their own code and time; what belongs to nothing is deleted. Nothing that
 * fails here keeps the engine from opening: it is logged, and tried again by the next one.
 */
export async function recover(core: Core): Promise<void> {
  const runs = await runsByRuntime(core);
  const left = core.operations.left();
  for (const operation of left) if (operation.kind === 'create') await attempt(core, operation.subject, () => undoCreate(core, operation));
  await Promise.all(core.containers.all().map((container) => attempt(core, container.id, () => recoverContainer(core, container, runs, left.filter(({ subject }) => subject === container.id)))));
  await attempt(core, 'runtimes', () => deleteStrayRuns(core, runs));
  await attempt(core, 'storage', () => deleteStraySnapshots(core));
}

async function attempt(core: Core, subject: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    core.log.error({ subject, error: toGantryError(error).message }, 'what an earlier engine left could not be put in order; the next start tries again');
  }
}

type Runs = ReadonlyMap<string, ReadonlyMap<string, State>>;

async function runsByRuntime({ drivers }: Core): Promise<Runs> {
  const runs = new Map<string, Map<string, State>>();
  for (const [name, runtime] of drivers.runtimes) {
    const states = new Map<string, State>();
    for await (const state of runtime.list()) states.set(state.id, state);
    runs.set(name, states);
  }
  return runs;
}

/** No row was committed: as if it had never been asked for. */
async function undoCreate(core: Core, operation: Operation & { kind: 'create' }): Promise<void> {
  if (core.containers.byId(operation.subject) === undefined) await deleteOwned(core, operation.subject, operation.logDriver);
  core.operations.end(operation.id);
}

async function recoverContainer(core: Core, container: Container, runs: Runs, left: readonly Operation[]): Promise<void> {
  const { row } = container;
  const run = runs.get(row.config.runtime)?.get(container.id);
  const starting = left.find((operation) => operation.kind === 'start');
  if (left.some(({ kind }) => kind === 'remove') || row.state.status === 'removing' || row.state.status === 'dead') return removeStopped(core, container);
  if (starting !== undefined) return recoverStart(core, container, run, starting);
  if (container.isRunning) return recoverRun(core, container, run);
  // It had ended, or never ran; what a run held may not all be freed yet.
  await release(core, container);
  if (row.config.autoRemove && row.state.startedAt !== null) await removeStopped(core, container);
}

/** The program ran: it is taken over. It did not: the start is undone. */
async function recoverStart(core: Core, container: Container, run: State | undefined, operation: Operation & { kind: 'start' }): Promise<void> {
  const ran = run?.token === operation.token && (run.status === 'running' || run.status === 'paused' || run.startedAt !== undefined);
  if (ran) {
    commitStart(core, container, { state: run, token: operation.token, operation: operation.id });
    return recoverRun(core, container, run);
  }
  await release(core, container);
  core.operations.end(operation.id);
  // Whoever asked for it was told of no start.
  if (container.row.config.autoRemove) await removeStopped(core, container);
}

async function recoverRun(core: Core, container: Container, run: State | undefined): Promise<void> {
  const { token, state } = container.row;
  if (token !== null && run?.token === token && run.status !== 'stopped' && run.status !== 'created') {
    const status = run.status === 'paused' ? 'paused' : 'running';
    const taken = { ...state, status, pid: run.pid ?? state.pid } as const;
    if (status !== state.status || taken.pid !== state.pid) core.table.updateState(container.id, taken, token);
    container.row = { ...container.row, state: taken };
    watchExit(core, container, run.token);
    return undefined;
  }
  const exit: Exit = run?.token === token && run.exit !== undefined ? run.exit : { code: unseenExit, oomKilled: false, at: now(), lost: 'reboot' };
  commitExit(core, container, exit.lost === 'reboot' ? { ...exit, code: unseenExit } : exit);
  await release(core, container);
  if (container.row.config.autoRemove) await removeStopped(core, container);
}

/** Only of this instance: a runtime lists no others. */
async function deleteStrayRuns(core: Core, runs: Runs): Promise<void> {
  for (const [name, states] of runs) {
    const runtime = core.drivers.runtimes.get(name);
    if (runtime === undefined) continue;
    for (const state of states.values()) if (core.containers.byId(state.id) === undefined) await deleteRun(runtime, state);
  }
}

async function deleteRun(runtime: Runtime, { id, sandbox }: State): Promise<void> {
  await tearDown(`deleting the unknown container ${id}`, [
    [['runtime', () => runtime.delete(id, { force: true })]],
    [['sandbox', () => runtime.closeSandbox(sandbox)]],
  ]);
}

async function deleteStraySnapshots(core: Core): Promise<void> {
  const { storage } = core.drivers;
  const strays: Snapshot[] = [];
  for await (const item of storage.list()) if (item.kind !== 'layer' && core.containers.byId(item.key) === undefined) strays.push(item);
  for (const { key, holders } of strays) {
    for (const holder of holders) await storage.release(key, holder);
    await storage.remove({ snapshot: key });
  }
}

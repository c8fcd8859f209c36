import { GantryError, toGantryError } from '@gantry/errors';
import type { Exit } from '@gantry/driver-api';
import { sigkill } from '../config/signals.ts';
import type { Core } from '../core.ts';
import { runtimeOf } from '../drivers/drivers.ts';
import type { ContainerState } from '../types/index.ts';
import { now } from '../util/time.ts';
import type { Container } from './container.ts';
import { containerEvent } from './container-events.ts';
import { commitExit } from './commit-exit.ts';
import { releaseAndDelete } from './holds.ts';

type Needs = Pick<Core, 'db' | 'table' | 'operations' | 'events' | 'drivers' | 'files' | 'containers' | 'log' | 'disk'>;

/** See `Containers.remove`; one step of the container's actor. */
export async function remove(core: Needs, container: Container, force: boolean): Promise<void> {
  const { id, row } = container;
  if (core.containers.byId(id) === undefined) throw new GantryError('notFound', 'no-such-container', `No such container: ${row.name}`, { details: { ref: id } });
  if (container.isRunning) {
    if (!force) {
      throw new GantryError('conflict', 'container-running', `cannot remove container "${row.name}": container is ${row.state.status}: stop the container before removing or force remove`, { details: { id } });
    }
    await killForGood(core, container);
  }
  await removeStopped(core, container);
}

/** The runtime's own end of it: quicker than a signal, and told of like one. */
async function killForGood(core: Needs, container: Container): Promise<void> {
  const { id, row } = container;
  const runtime = runtimeOf(core.drivers, row.config.runtime);
  // From here on it is on its way out, whatever happens to this engine.
  core.db.transaction(() => {
    core.operations.begin({ kind: 'remove', subject: id });
    core.events.record(containerEvent(row, 'kill', { signal: String(sigkill) }));
  });
  const exit: Exit = (await runtime.delete(id, { force: true })) ?? { code: 128 + sigkill, oomKilled: false, at: now() };
  commitExit(core, container, exit);
}

/**
 * Removes a container that does not run. The intent is committed before anything is deleted; from then on it is removed,
 * by this engine or the next one. One that could not be shows as dead and can be removed again.
 */
export async function removeStopped(core: Needs, container: Container): Promise<void> {
  const { id, row } = container;
  const removing: ContainerState = { ...row.state, status: 'removing' };
  core.db.transaction(() => {
    core.operations.begin({ kind: 'remove', subject: id });
    core.table.updateState(id, removing, null);
  });
  container.row = { ...row, state: removing };
  // One that removes itself is on record as such already.
  if (!row.config.autoRemove) await core.db.durable();
  try {
    await releaseAndDelete(core, container);
  } catch (error) {
    markDead(core, container, error);
    throw error;
  }
  core.db.transaction(() => {
    core.table.delete(id);
    core.operations.endAll(id);
    core.events.record(containerEvent(row, 'destroy'));
  });
  core.containers.delete(container);
  core.disk.request();
  for (const client of container.attachments) client.giveUp();
  container.removed.happened({ exitCode: row.state.exitCode });
}

function markDead(core: Needs, container: Container, cause: unknown): void {
  const state: ContainerState = { ...container.row.state, status: 'dead', error: toGantryError(cause).message };
  core.table.updateState(container.id, state, null);
  container.row = { ...container.row, state };
  container.removed.happened({ exitCode: state.exitCode, error: state.error });
}

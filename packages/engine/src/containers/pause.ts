import { GantryError } from '@gantry/errors';
import type { Core } from '../core.ts';
import { runtimeOf } from '../drivers/drivers.ts';
import type { Container } from './container.ts';
import { containerEvent } from './container-events.ts';

type Needs = Pick<Core, 'db' | 'table' | 'drivers' | 'events'>;

/** See `Containers.pause`; one step of the container's actor. */
export async function pause(core: Needs, container: Container): Promise<void> {
  const { id, row } = container;
  if (row.state.status === 'paused') throw new GantryError('conflict', 'container-paused', `container ${row.name} is already paused`, { details: { id } });
  if (row.state.status !== 'running') throw new GantryError('conflict', 'not-running', `cannot pause container ${row.name}: container ${id} is not running`, { details: { id, status: row.state.status } });
  await runtimeOf(core.drivers, row.config.runtime).pause(id);
  commit(core, container, 'pause', 'paused');
}

/** See `Containers.unpause`; one step of the container's actor. */
export async function unpause(core: Needs, container: Container): Promise<void> {
  const { id, row } = container;
  if (row.state.status !== 'paused') throw new GantryError('conflict', 'not-paused', `container ${row.name} is not paused`, { details: { id } });
  await runtimeOf(core.drivers, row.config.runtime).resume(id);
  commit(core, container, 'unpause', 'running');
}

function commit(core: Needs, container: Container, action: 'pause' | 'unpause', status: 'paused' | 'running'): void {
  const { row } = container;
  const state = { ...row.state, status };
  core.db.transaction(() => {
    core.table.updateState(container.id, state, row.token);
    core.events.record(containerEvent(row, action));
  });
  container.row = { ...row, state };
}

import type { Exit } from '@gantry/driver-api';
import type { Core } from '../core.ts';
import type { ContainerState } from '../types/index.ts';
import type { Container } from './container.ts';
import { containerEvent } from './container-events.ts';

/** Makes it true that the run is over, then tells those who wait. */
export function commitExit(core: Pick<Core, 'db' | 'table' | 'events'>, container: Container, exit: Exit): void {
  const { row } = container;
  const state: ContainerState = { ...row.state, status: 'exited', pid: 0, exitCode: exit.code, oomKilled: exit.oomKilled, finishedAt: exit.at };
  core.db.transaction(() => {
    core.table.updateState(container.id, state, null);
    core.events.record(containerEvent(row, 'die', { exitCode: String(exit.code), execDuration: String(secondsBetween(row.state.startedAt, exit.at)) }));
  });
  container.row = { ...row, state, token: null };
  container.execs.clear();
  container.exit.happened({ exitCode: exit.code });
}

function secondsBetween(from: string | null, to: string): number {
  return from === null ? 0 : Math.max(0, Math.floor((Date.parse(to) - Date.parse(from)) / 1000));
}

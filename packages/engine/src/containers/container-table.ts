import type { ContainerConfig, ContainerState } from '../types/index.ts';
import { textOf, textOrNull, type Database, type Row } from '../state/database.ts';
import type { ContainerOrigin, ContainerRow } from './container.ts';

/** The rows of containers. Every method joins the transaction under way. */
export class ContainerTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  load(): ContainerRow[] {
    return this.#db.all('SELECT * FROM containers JOIN container_state USING (id)').map(rowOf);
  }

  insert(row: ContainerRow): void {
    this.#db.transaction(() => {
      this.#db.run(
        "INSERT INTO containers (id, name, created_at, config, image, desired, auto_remove, restart_count) VALUES (?, ?, ?, ?, ?, 'stopped', ?, ?)",
        row.id, row.name, row.createdAt, JSON.stringify(row.config), JSON.stringify(row.origin), row.config.autoRemove ? 1 : 0, row.restartCount,
      );
      this.#db.run(
        'INSERT INTO container_state (id, status, pid, token, exit_code, oom_killed, error, started_at, finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        row.id, ...stateValues(row.state, row.token),
      );
    });
  }

  updateState(id: string, state: ContainerState, token: string | null): void {
    const [status, pid, ...rest] = stateValues(state, token);
    this.#db.transaction(() => {
      this.#db.run(
        'UPDATE container_state SET status = ?, pid = ?, token = ?, exit_code = ?, oom_killed = ?, error = ?, started_at = ?, finished_at = ? WHERE id = ?',
        status, pid, ...rest, id,
      );
      this.#db.run('UPDATE containers SET desired = ? WHERE id = ?', status === 'running' || status === 'paused' ? 'running' : status === 'removing' ? 'removed' : 'stopped', id);
    });
  }

  rename(id: string, name: string): void {
    this.#db.run('UPDATE containers SET name = ? WHERE id = ?', name, id);
  }

  delete(id: string): void {
    this.#db.run('DELETE FROM containers WHERE id = ?', id);
  }
}

type StateValues = readonly [status: string, pid: number, token: string | null, exitCode: number, oomKilled: number, error: string, startedAt: string | null, finishedAt: string | null];

function stateValues(state: ContainerState, token: string | null): StateValues {
  return [state.status, state.pid, token, state.exitCode, state.oomKilled ? 1 : 0, state.error, state.startedAt, state.finishedAt];
}

function rowOf(row: Row): ContainerRow {
  return {
    id: textOf(row, 'id'),
    name: textOf(row, 'name'),
    createdAt: textOf(row, 'created_at'),
    config: JSON.parse(textOf(row, 'config')) as ContainerConfig, // written by insert()
    origin: JSON.parse(textOf(row, 'image')) as ContainerOrigin, // written by insert()
    restartCount: Number(row['restart_count']),
    token: textOrNull(row, 'token'),
    state: {
      status: textOf(row, 'status') as ContainerState['status'], // written by insert() and updateState()
      pid: Number(row['pid']),
      exitCode: Number(row['exit_code']),
      oomKilled: row['oom_killed'] === 1,
      error: textOf(row, 'error'),
      startedAt: textOrNull(row, 'started_at'),
      finishedAt: textOrNull(row, 'finished_at'),
    },
  };
}

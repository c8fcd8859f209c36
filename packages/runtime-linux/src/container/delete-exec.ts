import type { Exit } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { within } from '../state/deadline.ts';
import type { Container } from './container.ts';
import { unlessEnded } from './delete.ts';

const killMs = 15_000;

const sigkill = 9;

/** Ends an exec and forgets it; absent is fine. @throws see `Runtime.delete` */
export async function deleteExec(container: Container, execId: string, force: boolean): Promise<Exit | null> {
  const exec = container.life.execs.get(execId);
  if (exec === undefined) return null;
  const { id, keeper } = container;
  if (exec.status === 'running' && !force) {
    throw new GantryError('conflict', 'exec-running', `Exec ${execId} of container ${id} is running: end it first, or delete it by force`, { details: { id, execId } });
  }
  if (exec.status !== 'stopped' && keeper !== undefined) {
    const ended = container.execExit(execId);
    await unlessEnded(keeper.kill(sigkill, { execId }));
    await within(killMs, `killing exec ${execId}`, ended);
  }
  await keeper?.forget(execId);
  const exit = container.life.execs.get(execId)?.exit ?? null;
  container.dropExec(execId);
  return exec.status === 'created' ? null : exit;
}

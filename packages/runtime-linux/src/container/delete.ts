import type { Exit } from '@gantry/driver-api';
import { GantryError, isGantryError } from '@gantry/errors';
import { thaw } from '../cgroup/freezer.ts';
import { within } from '../state/deadline.ts';
import type { Container } from './container.ts';
import type { Parts } from './parts.ts';

const killMs = 15_000;

const sigkill = 9;

/**
 * Ends a container and forgets it. What it ran in goes with it if it is the container's own; a sandbox's slot stays
 * until the sandbox is closed, since its namespaces are the sandbox's.
 *
 * @throws see `Runtime.delete`
 */
export async function deleteContainer(parts: Parts, container: Container, o: { readonly force: boolean; readonly ownSlot: boolean }): Promise<Exit | null> {
  const { id, life } = container;
  if (life.status === 'running' && !o.force) {
    throw new GantryError('conflict', 'container-running', `Container ${id} is running: stop it first, or delete it by force`, { details: { id } });
  }
  await stop(parts, container);
  const exit = container.life.startedAt === undefined ? neverRan(container) : (container.life.exit ?? null);
  await container.detach();
  if (o.ownSlot) await parts.slots.discard(container.record.slot);
  // From here on it is gone: an `open()` that finds events without a record tells of the deletion.
  await parts.records.delete(id);
  container.tell({ id, type: 'delete', at: new Date().toISOString() });
  container.abandon();
  return exit;
}

/** A program that could not be executed has an exit, 126 or 127, without a start; a container that was never started has none that means anything. */
function neverRan({ life }: Container): Exit | null {
  return life.exit?.code === 126 || life.exit?.code === 127 ? life.exit : null;
}

async function stop(parts: Parts, container: Container): Promise<void> {
  const { keeper, life } = container;
  if (life.status === 'stopped' || keeper === undefined) return;
  const ended = container.exit;
  await unlessEnded(keeper.kill(sigkill, { all: true }));
  if (life.paused) await thaw(parts.tree.place(container.record.cgroup));
  await within(killMs, `killing ${container.id}`, ended);
}

/** What is to be killed may have ended by itself, and its exit be on the way. */
export async function unlessEnded(kill: Promise<void>): Promise<void> {
  try {
    await kill;
  } catch (error) {
    if (!isGantryError(error) || error.kind !== 'conflict') throw error;
  }
}

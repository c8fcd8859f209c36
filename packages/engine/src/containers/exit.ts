import type { Exit } from '@gantry/driver-api';
import { isGantryError, toGantryError } from '@gantry/errors';
import type { Core } from '../core.ts';
import { runtimeOf } from '../drivers/drivers.ts';
import type { Container } from './container.ts';
import { commitExit } from './commit-exit.ts';
import { release } from './holds.ts';
import { removeStopped } from './remove.ts';

/** Learns of the end of one run, and acts on it. One call for each run: that is what ties the exit to it. */
export function watchExit(core: Core, container: Container, token: string): void {
  const runtime = runtimeOf(core.drivers, container.row.config.runtime);
  runtime.wait(container.id).then(
    (exit) => container.actor.runInTheEnd('the end', () => onExit(core, container, token, exit)),
    (error: unknown) => {
      // The engine closes: the next one finds the exit in the runtime.
      if (isGantryError(error) && (error.kind === 'unavailable' || error.kind === 'aborted')) return undefined;
      // Removed by force meanwhile: that step has told of the end.
      if (container.row.token !== token) return undefined;
      throw error;
    },
  ).catch((cause: unknown) => {
    const error = toGantryError(cause);
    if (error.code !== 'engine-closed') core.log.error({ container: container.id, error: error.message }, 'the end of a container could not be dealt with; it shows as running until the engine starts again');
  });
}

async function onExit(core: Core, container: Container, token: string, exit: Exit): Promise<void> {
  if (!container.isRunning || container.row.token !== token) return;
  commitExit(core, container, exit);
  if (container.row.config.autoRemove) {
    await removeStopped(core, container);
    return;
  }
  try {
    await release(core, container);
  } catch (error) {
    core.log.warn({ container: container.id, error: toGantryError(error).message }, 'a container that ended left something behind; its next start, its removal, or the next start of the engine removes it');
  }
}

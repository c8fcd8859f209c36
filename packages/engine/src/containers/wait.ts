import type { WaitCondition, WaitResult } from '../types/index.ts';
import { toGantryError } from '@gantry/errors';
import { untilAborted } from '../util/abort.ts';
import type { Container } from './container.ts';

export interface WaitOptions {
  readonly condition?: WaitCondition | undefined;
  readonly onWaiting?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** See `Containers.wait`. What it waits for is chosen before it says that it does. */
export async function wait(container: Container, o: WaitOptions): Promise<WaitResult> {
  const result = outcome(container, o.condition ?? 'not-running');
  o.onWaiting?.();
  return untilAborted(result, o.signal);
}

async function outcome(container: Container, condition: WaitCondition): Promise<WaitResult> {
  switch (condition) {
    case 'not-running':
      return container.isRunning ? container.exit.promise : { exitCode: container.row.state.exitCode };
    case 'next-exit':
      // One that is removed without another run has no next exit: its removal ends the waiting.
      return Promise.race([container.exit.promise, container.removed.promise]);
    case 'removed':
      return container.removed.promise.catch((error: unknown) => ({ exitCode: container.row.state.exitCode, error: toGantryError(error).message }));
  }
}

import type { WaitCondition, WaitResult } from '../types/index.ts';
import type { Container } from './container.ts';

export interface WaitOptions {
  readonly condition?: WaitCondition | undefined;
  readonly onWaiting?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** See `Containers.wait`. What it waits for is chosen before it says that it does. */
export async function wait(container: Container, { condition = 'not-running', onWaiting, signal }: WaitOptions): Promise<WaitResult> {
  const result = outcome(container, condition, signal);
  onWaiting?.();
  return result;
}

function outcome(container: Container, condition: WaitCondition, signal: AbortSignal | undefined): Promise<WaitResult> {
  switch (condition) {
    case 'not-running':
      return container.isRunning ? container.exit.next(signal) : Promise.resolve({ exitCode: container.row.state.exitCode });
    case 'next-exit':
      return exitOrRemoval(container, signal);
    case 'removed':
      return container.removed.next(signal);
  }
}

/** One that is removed without another run has no next exit: its removal ends the waiting. */
async function exitOrRemoval(container: Container, signal: AbortSignal | undefined): Promise<WaitResult> {
  const done = new AbortController();
  const either = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]);
  try {
    return await Promise.race([container.exit.next(either), container.removed.next(either)]);
  } finally {
    done.abort();
  }
}

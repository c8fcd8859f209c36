import { GantryError, isGantryError } from '@gantry/errors';
import { sigkill, signalNumber, sigterm } from '../config/signals.ts';
import type { Core } from '../core.ts';
import { runtimeOf } from '../drivers/drivers.ts';
import { untilAborted } from '../util/abort.ts';
import type { Container } from './container.ts';
import { containerEvent } from './container-events.ts';
import { unpause } from './pause.ts';

type Needs = Pick<Core, 'db' | 'table' | 'drivers' | 'events' | 'log'>;

const defaultTimeout = 10;
/** Seconds in which a process that was sent SIGKILL must be gone. */
const killTimeout = 30;

export interface StopOptions {
  /** Seconds; -1: no end. */
  readonly timeout?: number | undefined;
  readonly stopSignal?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * See `Containers.stop`. The actor is held only to signal, not while waiting: other calls go on meanwhile. A caller that
 * leaves ends the waiting, and SIGKILL is then not sent; the container has its stop signal.
 */
export async function stop(core: Needs, container: Container, o: StopOptions): Promise<void> {
  const first = o.stopSignal === undefined || o.stopSignal === '' ? stopSignalOf(container) : signalNumber(o.stopSignal);
  const timeout = o.timeout ?? container.row.config.stopTimeout ?? defaultTimeout;
  if (!container.isRunning) throw new GantryError('notModified', 'already-stopped', `container ${container.row.name} is not running`, { details: { id: container.id } });
  const exit = container.exit.next();
  await container.actor.run('the stop signal', () => signalRun(core, container, first, true));
  if (!(await endsWithin(exit, timeout, o.signal))) {
    core.log.info({ container: container.id, timeout }, 'the container did not end in time after its stop signal, and is killed');
    await container.actor.run('SIGKILL', () => signalRun(core, container, sigkill, true));
    if (!(await endsWithin(exit, killTimeout, o.signal))) {
      throw new GantryError('timeout', 'container-not-killed', `container ${container.row.name} did not end within ${killTimeout} s of SIGKILL: a process in it waits for the kernel (state D in ps)`, { details: { id: container.id } });
    }
  }
  core.events.record(containerEvent(container.row, 'stop'));
}

/** See `Containers.kill`. */
export async function kill(core: Needs, container: Container, signal: string): Promise<void> {
  const number = signal === '' ? sigkill : signalNumber(signal);
  await container.actor.run('a signal', async () => {
    if (!container.isRunning) throw notRunning(container, `cannot kill container: ${container.row.name}`);
    // What should end it reaches it also while it is frozen.
    await signalRun(core, container, number, number === sigkill || number === stopSignalOf(container));
  });
}

function stopSignalOf({ row }: Container): number {
  return row.config.stopSignal === '' ? sigterm : signalNumber(row.config.stopSignal);
}

export function notRunning({ id, row }: Container, what: string): GantryError {
  return new GantryError('conflict', 'not-running', `${what}: container ${id} is not running`, { details: { id, status: row.state.status } });
}

/** One that ended in the meantime is none to signal, and no failure: its end is on the way. */
async function signalRun(core: Needs, container: Container, signal: number, thaw: boolean): Promise<void> {
  if (!container.isRunning) return;
  const runtime = runtimeOf(core.drivers, container.row.config.runtime);
  try {
    await runtime.kill(container.id, signal);
    // What is frozen gets no signal.
    if (thaw && container.row.state.status === 'paused') await unpause(core, container);
  } catch (error) {
    if (isGantryError(error) && (error.kind === 'conflict' || error.kind === 'notFound')) return;
    throw error;
  }
  core.events.record(containerEvent(container.row, 'kill', { signal: String(signal) }));
}

async function endsWithin(exit: Promise<unknown>, seconds: number, signal: AbortSignal | undefined): Promise<boolean> {
  const ended = exit.then(() => true);
  if (seconds < 0) return untilAborted(ended, signal);
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), Math.min(seconds * 1000, 2 ** 31 - 1));
  try {
    return await untilAborted(Promise.race([ended, late]), signal);
  } finally {
    clearTimeout(timer);
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Runtime, RuntimeEvent } from '@gantry/driver-api';
import { toGantryError } from '@gantry/errors';
import type { Core } from '../core.ts';
import { textOf } from '../state/database.ts';
import { containerEvent } from './container-events.ts';

type Needs = Pick<Core, 'db' | 'events' | 'containers' | 'log'>;

/** Milliseconds before a stream that broke off is asked for again. */
const pause = 1000;

/**
 * Tells of what only the runtime sees while a container runs: that the kernel killed something in it. Ends of runs come
 * by `Runtime.wait`, which ties them to their run. The cursor lets the runtime forget what was read.
 */
export async function followRuntime(core: Needs, name: string, runtime: Runtime, signal: AbortSignal): Promise<void> {
  const row = core.db.get('SELECT cursor FROM runtime_cursors WHERE runtime = ?', name);
  let after = row === undefined ? undefined : textOf(row, 'cursor');
  const isOver = (): boolean => signal.aborted;
  while (!isOver()) {
    try {
      for await (const event of runtime.events({ signal, ...(after === undefined ? {} : { after }) })) {
        if (isOver()) return;
        tell(core, event);
        after = event.cursor;
        if (event.type === 'delete') core.db.run('INSERT INTO runtime_cursors (runtime, cursor) VALUES (?, ?) ON CONFLICT (runtime) DO UPDATE SET cursor = excluded.cursor', name, after);
      }
    } catch (error) {
      if (isOver()) return;
      core.log.warn({ runtime: name, error: toGantryError(error).message }, 'the events of a runtime broke off; they are asked for again');
    }
    await delay(pause, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

function tell(core: Needs, event: RuntimeEvent): void {
  if (event.type !== 'oom') return;
  const container = core.containers.byId(event.id);
  // An old one, told again, is of an earlier run.
  if (container === undefined || !container.isRunning || (container.row.state.startedAt ?? '') > event.at) return;
  core.events.record(containerEvent(container.row, 'oom'));
}

import type { Exit, State } from '@gantry/driver-api';
import type { NewEvent } from './journal.ts';

/** What is known of one exec. */
export interface ExecLife {
  readonly status: 'created' | 'running' | 'stopped';
  readonly exit?: Exit;
}

/** What events have made of a container. */
export interface Life {
  readonly status: 'created' | 'running' | 'stopped';
  readonly paused: boolean;
  readonly startedAt?: string;
  readonly exit?: Exit;
  readonly execs: ReadonlyMap<string, ExecLife>;
}

export const newborn: Life = { status: 'created', paused: false, execs: new Map() };

/** What a container is after one more event. */
export function afterEvent(life: Life, event: NewEvent): Life {
  if (event.execId !== undefined) return execEvent(life, event.execId, event);
  switch (event.type) {
    case 'start':
      return { ...life, status: 'running', startedAt: event.at };
    case 'exit':
      return { ...life, status: 'stopped', paused: false, ...(event.exit === undefined ? {} : { exit: event.exit }) };
    case 'pause':
      return { ...life, paused: life.status === 'running' };
    case 'resume':
      return { ...life, paused: false };
    case 'create':
    case 'oom':
    case 'delete':
      return life;
  }
}

function execEvent(life: Life, id: string, event: NewEvent): Life {
  if (event.type === 'start') return withExec(life, id, { status: 'running' });
  if (event.type === 'exit') return withExec(life, id, { status: 'stopped', ...(event.exit === undefined ? {} : { exit: event.exit }) });
  return life;
}

export function withExec(life: Life, id: string, exec: ExecLife): Life {
  return { ...life, execs: new Map([...life.execs, [id, exec]]) };
}

export function withoutExec(life: Life, id: string): Life {
  return { ...life, execs: new Map([...life.execs].filter(([other]) => other !== id)) };
}

/** The status that the seam speaks of. */
export function statusOf(life: Life): State['status'] {
  return life.paused ? 'paused' : life.status;
}

/** Tells whether an event is the same one told again, as a keeper does to each new watcher. */
export function eventKey({ type, execId, at }: NewEvent): string {
  return `${type} ${execId ?? ''} ${type === 'oom' || execId !== undefined ? at : ''}`;
}

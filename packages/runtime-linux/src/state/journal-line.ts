import type { Exit } from '@gantry/driver-api';
import type { NewEvent } from './journal.ts';

/** One event in its place. */
export interface StoredEvent {
  readonly seq: number;
  readonly event: NewEvent;
}

/** The numbers from `from` on were given out after this opening of the journal. */
export interface Epoch {
  readonly epoch: string;
  readonly from: number;
}

const types: ReadonlySet<string> = new Set(['create', 'start', 'exit', 'delete', 'pause', 'resume', 'oom'] satisfies NewEvent['type'][]);

/** undefined: no line of an epoch. */
export function parseEpoch(value: unknown): Epoch | undefined {
  if (!isObject(value)) return undefined;
  const { epoch, from } = value;
  if (typeof epoch !== 'string' || !/^[0-9a-f]{8}$/.test(epoch) || typeof from !== 'number' || !Number.isSafeInteger(from)) return undefined;
  return { epoch, from };
}

/** undefined: no line of an event. */
export function parseEvent(value: unknown): StoredEvent | undefined {
  if (!isObject(value) || !isObject(value['event'])) return undefined;
  const { seq } = value;
  const { id, execId, at, type, exit } = value['event'];
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || typeof id !== 'string' || typeof at !== 'string' || !isType(type)) return undefined;
  if (execId !== undefined && typeof execId !== 'string') return undefined;
  const ended = parseExit(exit);
  return { seq, event: { id, ...(execId === undefined ? {} : { execId }), at, type, ...(ended === undefined ? {} : { exit: ended }) } };
}

/** undefined: no record of an exit. */
export function parseExit(value: unknown): Exit | undefined {
  if (!isObject(value)) return undefined;
  const { code, oomKilled, at, lost } = value;
  if (typeof code !== 'number' || !Number.isSafeInteger(code) || typeof oomKilled !== 'boolean' || typeof at !== 'string') return undefined;
  return { code, oomKilled, at, ...(lost === 'keeper' || lost === 'reboot' ? { lost } : {}) };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isType(value: unknown): value is NewEvent['type'] {
  return typeof value === 'string' && types.has(value);
}

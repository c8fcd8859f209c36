import { GantryError } from '@gantry/errors';
import type { ApiVersion, WaitCondition } from '@gantry/api-types';
import { decodeFilters } from '../http/filters.ts';
import { badParameter, type Query } from '../http/query.ts';
import { decodeTimestamp } from '../system/decode.ts';
import { before } from '../version.ts';
import type { AttachQuery, ContainerListQuery, LogsQuery, StopOptions, TerminalSize } from './backend.ts';

const filterNames = [
  'ancestor', 'annotation', 'before', 'exited', 'expose', 'health', 'id', 'is-task', 'isolation', 'label', 'name', 'network', 'publish', 'since', 'status', 'volume',
];

export function decodeList(query: Query): ContainerListQuery {
  const limit = query.integer('limit');
  return {
    all: query.flag('all'),
    ...(limit === undefined || limit <= 0 ? {} : { limit }),
    size: query.flag('size'),
    filters: decodeFilters(query, filterNames),
  };
}

export function decodeStop(query: Query, version: ApiVersion): StopOptions {
  const timeout = query.integer('t');
  const signal = before(version, '1.42') ? '' : query.text('signal');
  if (timeout !== undefined && timeout < -1) throw badParameter('t', 'expected seconds, or -1 to wait for ever');
  return { ...(timeout === undefined ? {} : { timeout }), ...(signal === '' ? {} : { signal }) };
}

/** Before 1.30 there was one condition. @throws GantryError invalid `bad-parameter` */
export function decodeCondition(query: Query, version: ApiVersion): WaitCondition {
  const text = before(version, '1.30') ? '' : query.text('condition');
  switch (text) {
    case '':
    case 'not-running':
      return 'not-running';
    case 'next-exit':
    case 'removed':
      return text;
    default:
      throw badParameter('condition', `expected "not-running", "next-exit" or "removed", got ${JSON.stringify(text.slice(0, 64))}`);
  }
}

export function decodeAttach(query: Query): AttachQuery {
  const detachKeys = query.text('detachKeys');
  return {
    stdin: query.flag('stdin'),
    stdout: query.flag('stdout'),
    stderr: query.flag('stderr'),
    logs: query.flag('logs'),
    stream: query.flag('stream'),
    ...(detachKeys === '' ? {} : { detachKeys }),
  };
}

/** `all`, nothing and a negative number mean all of it, as Docker takes them. */
function decodeTail(query: Query): number | undefined {
  if (query.text('tail') === 'all') return undefined;
  const tail = query.integer('tail');
  return tail === undefined || tail < 0 ? undefined : tail;
}

export function decodeLogs(query: Query, signal: AbortSignal): LogsQuery {
  const [stdout, stderr] = [query.flag('stdout'), query.flag('stderr')];
  if (!stdout && !stderr) throw new GantryError('invalid', 'bad-parameter', 'Bad parameters: you must choose at least one stream', { details: { parameter: 'stdout' } });
  const since = decodeTimestamp(query, 'since');
  const until = decodeTimestamp(query, 'until');
  const tail = decodeTail(query);
  return {
    stdout,
    stderr,
    follow: query.flag('follow'),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(tail === undefined ? {} : { tail }),
    signal,
  };
}

const maxSide = 65_535; // of the kernel's struct winsize

export function decodeSize(query: Query): TerminalSize {
  const side = (name: 'h' | 'w'): number => {
    const n = query.integer(name);
    if (n === undefined || n < 0 || n > maxSide) throw badParameter(name, `expected 0 to ${maxSide}`);
    return n;
  };
  return { rows: side('h'), cols: side('w') };
}

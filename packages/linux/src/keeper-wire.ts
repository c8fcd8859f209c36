import { Fields } from './fields.ts';
import type { ExecState, ExitRecord, KeeperEvent, KeeperState } from './protocol.ts';

/** How a process ended, out of a message or of `exit.json`. */
export function exitRecord(fields: Fields): ExitRecord {
  const signal = fields.optionalNumber('signal');
  return {
    code: fields.number('code'),
    ...(signal === undefined ? {} : { signal }),
    oomKilled: fields.boolean('oomKilled'),
    at: fields.string('at'),
    ...(fields.has('lost') ? { lost: fields.oneOf('lost', ['keeper']) } : {}),
  };
}

/** An answer to `state`. */
export function keeperState(fields: Fields): KeeperState {
  const token = fields.optionalString('token');
  const pid = fields.optionalNumber('pid');
  const startedAt = fields.optionalString('startedAt');
  const exit = fields.optionalObject('exit');
  return {
    key: fields.string('key'),
    ...(token === undefined ? {} : { token }),
    status: fields.oneOf('status', ['empty', 'created', 'running', 'stopped']),
    ...(pid === undefined ? {} : { pid }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(exit === undefined ? {} : { exit: exitRecord(exit) }),
    execs: fields.list('execs').map((exec) => execState(Fields.of(exec, 'exec'))),
    logDropped: fields.number('logDropped'),
    version: fields.number('version'),
    build: fields.string('build'),
  };
}

function execState(fields: Fields): ExecState {
  const pid = fields.optionalNumber('pid');
  const exit = fields.optionalObject('exit');
  const status = fields.oneOf('status', ['empty', 'created', 'running', 'stopped']);
  return {
    id: fields.string('id'),
    // One that is still being set up is as good as created: it cannot be started twice.
    status: status === 'empty' ? 'created' : status,
    ...(pid === undefined ? {} : { pid }),
    ...(exit === undefined ? {} : { exit: exitRecord(exit) }),
  };
}

/** An event of `watch`; `undefined`: of a kind that a later keeper tells. */
export function keeperEvent(fields: Fields): KeeperEvent | undefined {
  const event = fields.optionalString('event');
  switch (event) {
    case 'start':
    case 'oom':
      return { event, at: fields.string('at') };
    case 'exec-start':
      return { event, execId: fields.string('execId'), at: fields.string('at') };
    case 'exit':
      return { event, exit: exitRecord(fields.object('exit')) };
    case 'exec-exit':
      return { event, execId: fields.string('execId'), exit: exitRecord(fields.object('exit')) };
    default:
      return undefined;
  }
}

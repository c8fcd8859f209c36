import type { LogEntry, LogQuery } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { Core } from '../core.ts';
import { logDriverOf } from '../drivers/drivers.ts';
import type { ReadLogs } from '../types/index.ts';
import type { Container } from './container.ts';

/** See `Containers.logs`. Following ends with the run, after everything that it wrote. */
export async function* readLogs(core: Pick<Core, 'drivers'>, container: Container, o: ReadLogs): AsyncGenerator<LogEntry, undefined, undefined> {
  const driver = logDriverOf(core.drivers, container.row.config.log.driver);
  if (driver?.capabilities.read !== true) {
    throw new GantryError('notImplemented', 'log-not-readable', 'configured logging driver does not support reading', { details: { id: container.id, driver: container.row.config.log.driver } });
  }
  if (!o.stdout && !o.stderr) throw new GantryError('invalid', 'no-streams', 'Bad parameters: you must choose at least one stream');
  const follow = (o.follow ?? false) && container.isRunning;
  const query: LogQuery = {
    fds: ([1, 2] as const).filter((fd) => (fd === 1 ? o.stdout : o.stderr)),
    follow,
    ...(o.since === undefined ? {} : { since: o.since }),
    ...(o.until === undefined ? {} : { until: o.until }),
    ...(o.tail === undefined ? {} : { tail: o.tail }),
  };
  const end = new AbortController();
  const stop = (): void => end.abort();
  // The exit is told after the last line was logged: what is there then is all.
  if (follow) container.exit.next(end.signal).then(stop, stop);
  o.signal?.addEventListener('abort', stop, { once: true });
  if (o.signal?.aborted === true) stop();
  try {
    yield* driver.read(container.id, query, { signal: end.signal });
    return undefined;
  } finally {
    stop();
    o.signal?.removeEventListener('abort', stop);
  }
}

import type { LogSink } from '@gantry/driver-api';
import type { Core } from '../core.ts';
import { logDriverOf } from '../drivers/drivers.ts';
import type { Container } from './container.ts';

/** Where the keeper writes a container's output; undefined: nowhere. Asked of the driver once in a session. */
export function logSink(core: Pick<Core, 'drivers'>, container: Container): Promise<LogSink | undefined> {
  const asking = (container.sink ??= askForSink(core, container));
  asking.catch(() => {
    if (container.sink === asking) container.sink = undefined;
  });
  return asking;
}

async function askForSink(core: Pick<Core, 'drivers'>, { id, row }: Container): Promise<LogSink | undefined> {
  const driver = logDriverOf(core.drivers, row.config.log.driver);
  if (driver === undefined) return undefined;
  const { path: dir } = await core.drivers.host.folder(id);
  return driver.sink({ id, options: { ...row.config.log.options }, attrs: logAttributes(row.config), dir });
}

/** What Docker's `labels` and `env` options put into every entry. */
function logAttributes({ log, labels, env }: Container['row']['config']): Record<string, string> {
  const names = (option: string): string[] => (log.options[option] ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '');
  const attributes: Record<string, string> = {};
  for (const name of names('labels')) if (labels[name] !== undefined) attributes[name] = labels[name];
  for (const name of names('env')) {
    const entry = env.find((variable) => variable.startsWith(`${name}=`));
    if (entry !== undefined) attributes[name] = entry.slice(name.length + 1);
  }
  return attributes;
}

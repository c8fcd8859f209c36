export { defaults, resolveConfig, type DaemonConfig, type LogFormat, type LogLevel, type Settings } from './config/config.ts';
export { proxiesFromEnvironment, type Proxies } from './config/proxies.ts';
export { parseConfigFile, readConfigFile } from './config/file.ts';
export { parseDaemonArgs, type DaemonArgs } from './config/flags.ts';
export { createLogger, type LoggerOptions } from './logger.ts';
export { runDaemon } from './main.ts';
export type { Daemon, StartOptions } from './daemon.ts';

import type { Daemon, StartOptions } from './daemon.ts';

/**
 * Opens an engine over the configured drivers and serves its API, in this process.
 *
 * @example
 * const log = createLogger({ level: 'info', format: 'text', write: (record) => process.stderr.write(record) });
 * await using daemon = await startDaemon({ config: resolveConfig({ hosts: ['unix:///tmp/g.sock'], dataRoot: '/tmp/g', execRoot: '/tmp/g-run' }, {}), log });
 *
 * @throws GantryError conflict `data-root-in-use`, `socket-in-use`, `not-a-socket`; notFound `no-such-group`; what opening
 *   the drivers throws.
 */
export async function startDaemon(options: StartOptions): Promise<Daemon> {
  // The engine is loaded when it is needed: reading flags or --help is not the time.
  const { startDaemon: start } = await import('./daemon.ts');
  return start(options);
}

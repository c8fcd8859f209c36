import { closeSync, mkdirSync, writeSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { GantryError, toGantryError } from '@gantry/errors';
import type { Logger } from '@gantry/driver-api';
import { defaults, resolveConfig, type DaemonConfig } from './config/config.ts';
import { readConfigFile } from './config/file.ts';
import { parseDaemonArgs, type DaemonArgs } from './config/flags.ts';
import { proxiesFromEnvironment } from './config/proxies.ts';
import { helpText } from './config/help.ts';
import type { Daemon } from './daemon.ts';
import { createLogger } from './logger.ts';
import { product } from './product.ts';

async function loadConfig(args: Extract<DaemonArgs, { kind: 'run' | 'validate' }>): Promise<DaemonConfig> {
  return resolveConfig(args.settings, await readConfigFile(args.configFile ?? defaults.configFile, args.configFile !== undefined), proxiesFromEnvironment(process.env));
}

function tellReady(fd: number): void {
  writeSync(fd, '\n');
  closeSync(fd);
}

/** @throws GantryError forbidden `needs-root` */
function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new GantryError('forbidden', 'needs-root', 'gantryd needs root, since containers are made of mounts, namespaces and cgroups: run it with sudo');
}

/** The next start needs not compile what this one loads. Not below /tmp, where others could put code into it. */
function keepCompiled(dataRoot: string, log: Logger): void {
  mkdirSync(dataRoot, { recursive: true, mode: 0o700 });
  const { message } = enableCompileCache(join(dataRoot, 'cache', 'node'));
  if (message !== undefined) log.debug({ reason: message }, 'compiled code is not kept');
}

/** A defect of one request is no reason to leave everybody else alone: state is in transactions, and the log has the place. */
function surviveDefects(log: Logger): void {
  process.on('uncaughtException', (error) => log.error({ error }, 'a defect: an error that nobody caught'));
  process.on('unhandledRejection', (error) => log.error({ error }, 'a defect: a rejection that nobody handled'));
}

/** Resolves with the name of the first signal that asks for the end; a second one does not wait. */
function untilAsked(log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    const end = (signal: NodeJS.Signals): void => {
      if (asked) {
        log.warn({ signal }, 'asked again: ending at once');
        process.exit(1);
      }
      asked = true;
      resolve(signal);
    };
    process.on('SIGTERM', end).on('SIGINT', end);
    process.on('SIGHUP', () => log.warn({}, 'SIGHUP: this version does not read its configuration again; restart it, containers go on meanwhile'));
  });
}

async function serve(config: DaemonConfig, readyFd: number | undefined, log: Logger): Promise<void> {
  const began = performance.now();
  // From the first moment: a signal during the start ends it in order too.
  const asked = untilAsked(log);
  requireRoot();
  surviveDefects(log);
  keepCompiled(config.dataRoot, log);
  const { startDaemon } = await import('./daemon.ts');
  const daemon: Daemon = await startDaemon({ config, log });
  log.info({ version: product.version, pid: process.pid, ms: Math.round(performance.now() - began) }, 'ready');
  if (readyFd !== undefined) tellReady(readyFd);
  const signal = await asked;
  log.info({ signal }, 'ending; containers go on');
  await daemon.close();
}

/**
 * `gantryd`, and `gantry daemon`: runs until SIGTERM or SIGINT. Everything but `--help` and `--version` goes to stderr.
 * @param argv Without the program's name.
 * @returns The exit code: 0; 1 for a failure, which was reported; 2 for a wrong command line or configuration.
 */
export async function runDaemon(argv: readonly string[]): Promise<number> {
  let log = createLogger({ level: 'info', format: 'text', write: (record) => void process.stderr.write(record) });
  try {
    const args = parseDaemonArgs(argv);
    if (args.kind === 'help') {
      process.stdout.write(helpText());
      return 0;
    }
    if (args.kind === 'version') {
      process.stdout.write(`${product.name} version ${product.version}\n`);
      return 0;
    }
    const config = await loadConfig(args);
    if (args.kind === 'validate') {
      process.stdout.write('configuration OK\n');
      return 0;
    }
    log = createLogger({ level: config.logLevel, format: config.logFormat, write: (record) => void process.stderr.write(record) });
    await serve(config, args.readyFd, log);
    return 0;
  } catch (thrown) {
    const error = toGantryError(thrown);
    if (error.kind === 'internal') log.error({ error }, 'the daemon failed');
    else log.error({ code: error.code }, error.message);
    return ['bad-flag', 'bad-config', 'plugin-config', 'plugin-options'].includes(error.code) ? 2 : 1;
  }
}

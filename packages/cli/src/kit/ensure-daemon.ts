import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { createClient } from '@gantry/client';
import { GantryError, isGantryError } from '@gantry/errors';
import type { Io } from './spec.ts';

/** A cold start takes a third of a second; a machine under load may need longer. */
const patience = 30_000;
const logFile = '/run/gantry/daemon.log';

/**
 * Starts `gantryd` in the background and resolves once it answers. Two at once are fine: the engine's own lock lets one
 * through, and both wait for that one.
 * @throws GantryError unavailable `engine-not-running`, `engine-start-failed`.
 */
export async function ensureDaemon(host: string, io: Io, why: GantryError): Promise<void> {
  // Somebody listens there, and does not want to hear from this user.
  if (why.details['errno'] === 'EACCES') throw why;
  if (process.platform !== 'linux') {
    throw new GantryError('unavailable', 'engine-not-running', 'No engine is running here. Point GANTRY_HOST or --host at one on a Linux machine');
  }
  if (process.getuid?.() !== 0) {
    throw new GantryError('unavailable', 'engine-not-running', `No engine listens on ${host}. Start one with "sudo gantry daemon", or run this command as root, which starts it by itself`);
  }
  if (io.stderrIsTerminal) await io.err('Starting the engine ...\n');
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o711 });
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, [...process.execArgv, daemonEntry()], { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code === null ? `signal ${signal ?? 'unknown'}` : `exit code ${code}`));
  });
  child.unref();
  let end: string | undefined;
  void ended.then((how) => {
    end = how;
  });
  const deadline = performance.now() + patience;
  // An engine that lost the race for the lock ends: then another one is about to answer.
  for (let grace = 0; performance.now() < deadline && grace < 40; grace += end === undefined ? 0 : 1) {
    if (await answers(host)) return;
    await new Promise((resolve) => setTimeout(resolve, end === undefined ? 5 : 50));
  }
  throw new GantryError('unavailable', 'engine-start-failed', `The engine did not start (${end ?? 'no answer in time'}). Its last words, in ${logFile}:\n${lastWords()}`);
}

/** The engine's program, in the package that this one depends on. */
function daemonEntry(): string {
  return createRequire(import.meta.url).resolve('@gantry/daemon/gantryd');
}

async function answers(host: string): Promise<boolean> {
  using client = createClient({ host });
  try {
    await client.system.ping();
    return true;
  } catch (error) {
    if (isGantryError(error) && error.kind === 'unavailable') return false;
    throw error;
  }
}

function lastWords(): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n');
  return lines.slice(-5).map((line) => `  ${line}`).join('\n');
}

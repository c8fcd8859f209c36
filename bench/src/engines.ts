import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@gantry/client';

/** An engine under measurement. */
export interface Subject extends AsyncDisposable {
  readonly name: string;
  readonly host: string;
  readonly version: string;
}

/** A Docker that runs already; undefined if none answers at that address. */
export async function existing(name: string, host: string | undefined): Promise<Subject | undefined> {
  if (host === undefined || host === '') return undefined;
  using client = createClient({ host });
  try {
    const { Version } = await client.system.version();
    return { name, host, version: Version, [Symbol.asyncDispose]: async () => undefined };
  } catch {
    return undefined;
  }
}

/** Gantry as it was built, with a data root of its own, in the host's network namespace (where the registry of images is). */
export async function gantry(): Promise<Subject> {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-bench-'));
  const host = `unix://${join(dir, 's')}`;
  const log = openSync(join(dir, 'log'), 'a');
  const entry = createRequire(import.meta.url).resolve('@gantry/daemon/gantryd');
  const child = spawn(process.execPath, [entry, '--host', host, '--data-root', join(dir, 'data'), '--exec-root', join(dir, 'run'), '--pidfile', join(dir, 'pid')], { stdio: ['ignore', log, log] });
  closeSync(log);
  using client = createClient({ host });
  for (let tries = 0; ; tries++) {
    try {
      const { Version } = await client.system.version();
      return { name: 'gantry', host, version: Version, [Symbol.asyncDispose]: () => end(child, dir) };
    } catch (error) {
      if (tries > 500 || child.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function end(child: ChildProcess, dir: string): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
  rmSync(dir, { recursive: true, force: true });
}

import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { CreateRequest, Runtime } from '@gantry/driver-api';
import { isGantryError } from '@gantry/errors';
import { allNamespaces, baseSpec, program } from './spec.ts';

/** What the steps work with: plain data, since they run in a child process too. */
export interface CrashSubject {
  readonly rootfs: string;
  /** Where the container's output goes. */
  readonly log: string;
}

/** One call of the driver that changes what is to be seen; it may be killed at any instant of it. */
export interface CrashStep {
  readonly name: string;
  /** Does it, also if it was done already: as an engine that does not know whether it was. */
  run(driver: Runtime, subject: CrashSubject): Promise<unknown>;
  /** The container's status once it is done; `undefined`: it is not there. */
  readonly after: string | undefined;
}

const id = 'c';
const sandbox = 's';

/** Lines that the program writes, one every few milliseconds; then it waits for its end. */
export const crashLines = 60;

export const crashExit = 23;

const script = `trap 'exit ${crashExit}' TERM; n=0; while [ $n -lt ${crashLines} ]; do n=$((n+1)); echo $n; sleep 0.01; done; while true; do sleep 0.02; done`;

function createRequest({ rootfs, log }: CrashSubject): CreateRequest {
  return {
    id,
    token: 'life',
    sandbox,
    spec: baseSpec(rootfs, { ...program(script), terminal: false }),
    rootfs: { path: rootfs },
    io: { terminal: false, stdin: false, log: { format: 'json-file', path: log, maxBytes: 0, maxFiles: 1, attrs: {}, full: 'block', bufferBytes: 1 << 20 } },
    options: {},
  };
}

/** What was done already is a conflict in the methods that change a state. */
async function orDone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (e) {
    if (!isGantryError(e) || e.kind !== 'conflict') throw e;
  }
}

async function execute(driver: Runtime, execId: string, args: string): Promise<void> {
  const known = (await driver.state(id)).execs.find((exec) => exec.id === execId);
  if (known === undefined) await driver.exec(id, execId, program(args), { terminal: false, stdin: false });
  await orDone(driver.start(id, execId));
}

/** The lines of a log so far. */
export async function loggedLines(log: string): Promise<string[]> {
  const text = await readFile(log, 'utf8').catch(() => ''); // nothing was written yet
  return text.split('\n').slice(0, -1).map((line) => (JSON.parse(line) as { log: string }).log);
}

/** The program has written all that it is going to write. */
async function written(log: string): Promise<void> {
  while ((await loggedLines(log)).length < crashLines) await delay(10);
}

/** A life of one container, each step on top of the one before. */
export const crashSteps: readonly CrashStep[] = [
  { name: 'openSandbox', run: (d) => d.openSandbox({ id: sandbox, namespaces: [...allNamespaces], sysctls: {} }), after: undefined },
  { name: 'create', run: (d, subject) => d.create(createRequest(subject)), after: 'created' },
  { name: 'start', run: (d) => orDone(d.start(id)), after: 'running' },
  { name: 'exec that goes on', run: (d) => execute(d, 'stays', 'sleep 1000'), after: 'running' },
  {
    name: 'exec that ends',
    run: async (d) => {
      await execute(d, 'ends', 'exit 5');
      await d.wait(id, { execId: 'ends' });
    },
    after: 'running',
  },
  { name: 'pause', run: (d) => (d.capabilities.pause ? orDone(d.pause(id)) : Promise.resolve()), after: 'paused' },
  { name: 'resume', run: (d) => (d.capabilities.pause ? orDone(d.resume(id)) : Promise.resolve()), after: 'running' },
  { name: 'output', run: (_d, { log }) => written(log), after: 'running' },
  {
    name: 'end',
    run: async (d) => {
      await orDone(d.kill(id, 15));
      await d.wait(id);
    },
    after: 'stopped',
  },
  { name: 'delete', run: (d) => d.delete(id), after: undefined },
  { name: 'closeSandbox', run: (d) => d.closeSandbox(sandbox), after: undefined },
];

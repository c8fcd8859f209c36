import { parentPort, workerData } from 'node:worker_threads';
import type { WalkEntry } from '@gantry/driver-api';
import { toJson } from '@gantry/errors';
import { copyTree } from './host/copy.ts';
import { digests } from './host/digests.ts';
import type { HostAnswer, HostTask } from './host/worker-task.ts';

/** Entries told of at once: a message costs more than an entry. */
const batchSize = 500;

const port = parentPort;
if (port === null) throw new Error('this is a worker thread of @gantry/runtime-linux, and runs as nothing else');

const say = (answer: HostAnswer): void => {
  port.postMessage(answer);
};

async function walk(entries: AsyncIterable<WalkEntry>): Promise<void> {
  let batch: WalkEntry[] = [];
  for await (const entry of entries) {
    batch.push(entry);
    if (batch.length < batchSize) continue;
    await tell(batch);
    batch = [];
  }
  if (batch.length > 0) await tell(batch);
}

async function tell(entries: readonly WalkEntry[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  port?.once('message', resolve);
  say({ kind: 'entries', entries });
  await promise;
}

const task = workerData as HostTask; // said by worker-task.ts
try {
  if (task.kind === 'copy') await copyTree(task.copy);
  else await walk(digests(task.tree, task.path));
  say({ kind: 'done' });
} catch (error) {
  say({ kind: 'failed', error: toJson(error) });
}

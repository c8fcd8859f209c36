import { createHash } from 'node:crypto';
import { parseDiffID } from '@gantry/oci';
import { openFsSession, type FsBatch } from '@gantry/linux';
import { TarParser } from './tar-parser.ts';
import type { ApplyAnswer, ApplyTask, UntarTask } from './tasks.ts';
import { TreeWriter } from './tree-writer.ts';

/** Bytes of operations on their way before the archive is read on. */
const maxQueued = 4 * 1024 * 1024;
/** Milliseconds between two words about progress. */
const progressEvery = 100;

export interface RunContext {
  /** `free` resolves when nobody reads from the chunks so far: their memory may be used again. */
  readonly source: (free: () => Promise<void>) => AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
  readonly progress: (bytes: number) => void;
}

/** `applyLayer`, in the worker. */
export async function runApply(task: ApplyTask, context: RunContext): Promise<ApplyAnswer> {
  await using session = await openFsSession(task.native, { ...tree(task), signal: context.signal });
  const batch = session.batch();
  const writer = new TreeWriter(batch, { mode: task.mode });
  const parser = new TarParser(writer, task.limits);
  const hash = createHash('sha256');
  let bytes = 0;
  let told = performance.now();
  for await (const chunk of context.source(() => batch.drain())) {
    hash.update(chunk);
    parser.push(chunk);
    bytes += chunk.length;
    if (batch.queued > maxQueued) await batch.drain();
    if (performance.now() - told >= progressEvery) {
      told = performance.now();
      context.progress(bytes);
    }
  }
  parser.finish();
  const summary = await writer.finish(() => flow(batch));
  await batch.close();
  if (task.sync) await session.sync('', 'tree');
  context.progress(bytes);
  return { diffId: parseDiffID(`sha256:${hash.digest('hex')}`), bytes, entries: parser.entries, ...summary };
}

/** `untar`, in the worker. */
export async function runUntar(task: UntarTask, context: RunContext): Promise<null> {
  await using session = await openFsSession(task.native, { ...tree(task), signal: context.signal });
  // Said before anything is written: that there is no such directory, or that it is none.
  await session.list(task.below, { follow: true, max: Number.MAX_SAFE_INTEGER });
  const batch = session.batch();
  const writer = new TreeWriter(batch, { mode: 'plain', below: Buffer.from(task.below), keepTypes: task.keepTypes, ...(task.chown === undefined ? {} : { chown: task.chown }) });
  const parser = new TarParser(writer, task.limits);
  for await (const chunk of context.source(() => batch.drain())) {
    parser.push(chunk);
    if (batch.queued > maxQueued) await batch.drain();
  }
  parser.finish();
  await writer.finish(() => flow(batch));
  await batch.close();
  return null;
}

async function flow(batch: FsBatch): Promise<void> {
  if (batch.queued > maxQueued) await batch.drain();
}

function tree({ root, mounts, idmap }: ApplyTask | UntarTask): Pick<ApplyTask, 'root' | 'mounts' | 'idmap'> {
  return { root, ...(mounts === undefined ? {} : { mounts }), ...(idmap === undefined ? {} : { idmap }) };
}

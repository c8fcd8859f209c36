import type { Attached, Stats } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { Attachment, Keeper } from '@gantry/linux';
import type { OciResources } from '@gantry/oci';
import { readCgroupFile, single } from '../cgroup/files.ts';
import { freeze, thaw } from '../cgroup/freezer.ts';
import { controllerDir, type CgroupPlace } from '../cgroup/hierarchy.ts';
import { applyLimits, changedLimits } from '../cgroup/limits.ts';
import type { CurrentLimits } from '../cgroup/resources.ts';
import { readStats } from '../cgroup/stats.ts';
import { badField } from '../plan/field.ts';
import { within } from '../state/deadline.ts';
import type { Container } from './container.ts';
import type { Parts } from './parts.ts';

const controlMs = 10_000;

const sigkill = 9;

/** @throws `GantryError` conflict `container-not-running` */
export function requireRunning(container: Container): void {
  if (container.life.status !== 'running') throw notRunning(container);
}

/** @throws `GantryError` conflict `container-not-running`: it has ended, and its keeper may be gone */
export function requireKeeper(container: Container): Keeper {
  if (container.keeper === undefined) throw notRunning(container);
  return container.keeper;
}

function notRunning({ id, state }: Container): GantryError {
  return new GantryError('conflict', 'container-not-running', `Container ${id} is not running`, { details: { id, status: state.status } });
}

/** See `Runtime.start`. */
export async function start(container: Container, execId: string | undefined): Promise<void> {
  const { id, life } = container;
  if (execId === undefined) {
    if (life.status !== 'created') throw new GantryError('conflict', 'container-started', `Container ${id} was started already`, { details: { id, status: life.status } });
  } else {
    if (container.exec(execId).status !== 'created') throw new GantryError('conflict', 'exec-started', `Exec ${execId} of container ${id} was started already`, { details: { id, execId } });
    requireRunning(container);
  }
  const keeper = requireKeeper(container);
  try {
    const { pid, startedAt } = await within(controlMs, `starting ${execId ?? id}`, keeper.start(execId));
    container.tell({ id, type: 'start', at: startedAt, ...(execId === undefined ? {} : { execId }) });
    if (execId === undefined) container.pid = pid;
  } catch (error) {
    if (!isExecFailed(error)) throw error;
    // The exit is told by the keeper; whoever hears of the failure finds it in the state.
    await container.until((now) => (execId === undefined ? now.status : now.execs.get(execId)?.status) === 'stopped');
    throw error;
  }
}

function isExecFailed(error: unknown): boolean {
  return error instanceof GantryError && error.kind === 'invalid' && typeof error.details['exitCode'] === 'number';
}

/** See `Runtime.kill`. */
export async function kill(parts: Parts, container: Container, signal: number, o: { readonly execId?: string; readonly all?: boolean }): Promise<void> {
  if (!Number.isInteger(signal) || signal < 1 || signal > 64) throw badField('signal', 'must be a number from 1 to 64', signal);
  const { id, life } = container;
  if (o.execId !== undefined && container.exec(o.execId).status === 'stopped') {
    throw new GantryError('conflict', 'exec-not-running', `Exec ${o.execId} of container ${id} is not running`, { details: { id, execId: o.execId } });
  }
  if (life.status !== 'running') throw notRunning(container);
  await within(controlMs, `signalling ${id}`, requireKeeper(container).kill(signal, o));
  // A stopped process of version 1 dies when it goes on.
  if (life.paused && signal === sigkill) await thaw(parts.tree.place(container.record.cgroup));
}

/** See `Runtime.attach`. */
export async function attach(container: Container, o: { readonly execId?: string; readonly stdin: boolean; readonly lossless: boolean; readonly bufferBytes: number }): Promise<Attached> {
  if (!Number.isSafeInteger(o.bufferBytes) || o.bufferBytes < 0) throw badField('bufferBytes', 'must be a number of bytes', o.bufferBytes);
  if (o.execId !== undefined) container.exec(o.execId);
  const { execId, stdin, lossless, bufferBytes } = o;
  const attachment = await within(
    controlMs,
    `attaching to ${execId ?? container.id}`,
    requireKeeper(container).attach({ stdin, stdout: true, stderr: true, lossless, bufferBytes, ...(execId === undefined ? {} : { execId }) }),
  );
  return attached(attachment);
}

function attached(attachment: Attachment): Attached {
  const { stdin, output } = attachment;
  return {
    output,
    ...(stdin === undefined
      ? {}
      : {
          stdin: new WritableStream<Uint8Array>({
            write: (chunk) => stdin.write(chunk),
            close: () => stdin.end(),
            // Giving up is no end of input: others may hold it too.
          }),
        }),
    [Symbol.asyncDispose]: () => attachment[Symbol.asyncDispose](),
  };
}

/** See `Runtime.pause`. */
export async function pause(parts: Parts, container: Container): Promise<void> {
  requireRunning(container);
  const { id, life } = container;
  if (life.paused) throw new GantryError('conflict', 'container-paused', `Container ${id} is already paused`, { details: { id } });
  await freeze(parts.tree.place(container.record.cgroup));
  container.tell({ id, type: 'pause', at: new Date().toISOString() });
}

/** See `Runtime.resume`. */
export async function resume(parts: Parts, container: Container): Promise<void> {
  requireRunning(container);
  const { id, life } = container;
  if (!life.paused) throw new GantryError('conflict', 'container-not-paused', `Container ${id} is not paused`, { details: { id } });
  await thaw(parts.tree.place(container.record.cgroup));
  container.tell({ id, type: 'resume', at: new Date().toISOString() });
}

/** See `Runtime.update`. */
export async function update(parts: Parts, container: Container, resources: OciResources): Promise<void> {
  if (container.life.status === 'stopped') throw notRunning(container);
  const place = parts.tree.place(container.record.cgroup);
  const limits = changedLimits(place, resources, await currentLimits(place));
  await within(controlMs, `changing the limits of ${container.id}`, applyLimits(requireKeeper(container), limits));
}

async function currentLimits(place: CgroupPlace): Promise<CurrentLimits> {
  if (place.mode === 'v2') {
    const [quota, period] = ((await readCgroupFile(`${place.v2?.dir ?? ''}/cpu.max`)) ?? '').trim().split(' ');
    return quota === undefined || period === undefined ? {} : { cpu: { quota: quota === 'max' ? -1 : Number(quota), period: Number(period) } };
  }
  const dir = controllerDir(place, 'memory')?.dir;
  const memorySwap = dir === undefined ? undefined : single(await readCgroupFile(`${dir}/memory.memsw.limit_in_bytes`));
  return memorySwap === undefined ? {} : { memorySwap };
}

/** See `Runtime.stats`. */
export async function stats(parts: Parts, container: Container): Promise<Stats> {
  requireRunning(container);
  return readStats(parts.tree.place(container.record.cgroup), new Date().toISOString());
}

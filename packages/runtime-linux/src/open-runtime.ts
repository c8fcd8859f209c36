import { readFileSync } from 'node:fs';
import { hash } from 'node:crypto';
import type { DriverContext } from '@gantry/driver-api';
import { toGantryError } from '@gantry/errors';
import { openNative } from '@gantry/linux';
import type { CgroupHost } from './cgroup/hierarchy.ts';
import { CgroupTree } from './cgroup/tree.ts';
import { Container } from './container/container.ts';
import type { Parts } from './container/parts.ts';
import { LinuxRuntime, type Damage } from './runtime.ts';
import { Sandboxes } from './sandbox/sandboxes.ts';
import { Slots } from './sandbox/slots.ts';
import { seccompArch } from './seccomp/index.ts';
import { atMost } from './state/deadline.ts';
import { Journal } from './state/journal.ts';
import { ProgramStore } from './state/program-store.ts';
import { RecordFolder, type Loaded } from './state/record-folder.ts';
import { parseContainer, parseSandbox, type ContainerRecord, type SandboxRecord } from './state/records.ts';

/** How long opening waits for keepers to tell of themselves; who takes longer is shown as it was, and is waited for when something is asked of it. */
const adoptMs = 150;

/**
 * Finds again what earlier processes left: containers that run go on and their missed events are told, the dead are
 * told as exits, what nobody claimed is taken apart.
 */
export async function openRuntime(context: DriverContext, cgroups: CgroupHost): Promise<LinuxRuntime> {
  const { stateDir, runDir, instance } = context;
  const tree = new CgroupTree(cgroups, instance);
  const native = await openNative({ runDir, instance });
  try {
    const sandboxRecords = new RecordFolder(`${stateDir}/sandboxes`, parseSandbox);
    const records = new RecordFolder(`${stateDir}/containers`, parseContainer);
    const [sandboxes, containers, journal] = await Promise.all([sandboxRecords.open(), records.open(), Journal.open(`${stateDir}/journal`)]);
    const programs = new ProgramStore(`${stateDir}/seccomp`);
    await programs.open(new Set(good(containers).flatMap(({ seccomp }) => (seccomp === undefined ? [] : [seccomp.name]))));
    // One folder of sockets for all drivers: the name tells whose slots these are, and is short.
    const slots = new Slots(native, tree, `${runDir}/k${hash('sha256', stateDir).slice(0, 6)}`);
    const parts: Parts = {
      context,
      native,
      tree,
      slots,
      journal,
      records,
      programs,
      arch: seccompArch(process.arch),
      availableCapabilities: boundingSet(),
    };
    const claimed = new Set([...good(sandboxes), ...good(containers)].map(({ slot }) => slot));
    // Making them, or the sandbox for which they were made, was interrupted.
    const stray = (await slots.keys()).filter((key) => !claimed.has(key));
    slots.sweep(stray, (key, error) => {
      context.log.error({ key, error: toGantryError(error).message }, 'a slot that nobody claimed could not be cleared; the next start tries again');
    });
    const open = new Sandboxes(context, slots, tree, sandboxRecords, good(sandboxes));
    const found = await adopt(parts, open, good(containers));
    return new LinuxRuntime({ parts, sandboxes: open, containers: found, findings: [...damaged(sandboxes, 'sandbox', sandboxRecords), ...damaged(containers, 'container', records)] });
  } catch (error) {
    await native[Symbol.asyncDispose]();
    throw error;
  }
}

function good<T>(loaded: readonly Loaded<T>[]): T[] {
  return loaded.flatMap((entry) => ('record' in entry ? [entry.record] : []));
}

function damaged<T extends SandboxRecord | ContainerRecord>(loaded: readonly Loaded<T>[], what: string, folder: RecordFolder<T>): Damage[] {
  return loaded.flatMap((entry) =>
    'damaged' in entry
      ? [{ id: entry.id, code: `${what}-record-damaged`, message: `The record of ${what} ${entry.id} can not be read, as a crash of the machine can leave it; nothing of it is left`, repair: () => folder.delete(entry.id) }]
      : [],
  );
}

/** Containers by their ids; those that turn out never to have been made leave the map. */
async function adopt(parts: Parts, sandboxes: Sandboxes, records: readonly ContainerRecord[]): Promise<Map<string, Container>> {
  const lives = parts.journal.lives();
  const known = new Set(records.map(({ id }) => id));
  for (const id of lives.keys()) {
    // Deleting it was interrupted after its record was gone.
    if (!known.has(id)) parts.journal.append({ id, type: 'delete', at: new Date().toISOString() });
  }
  const found = new Map<string, Container>();
  for (const record of records) {
    const container = new Container(parts, record, lives.get(record.id) ?? []);
    found.set(record.id, container);
    container.ready = adoptOne(parts, sandboxes, container, found);
  }
  await atMost(adoptMs, Promise.all([...found.values()].map(({ ready }) => ready)));
  return found;
}

async function adoptOne(parts: Parts, sandboxes: Sandboxes, container: Container, found: Map<string, Container>): Promise<void> {
  const { id, record } = container;
  try {
    if (await container.adopt()) return;
    // Making it was interrupted; what was made for it alone goes too.
    found.delete(id);
    await parts.records.delete(id);
    if (!sandboxes.slots.has(record.slot)) await parts.slots.discard(record.slot);
  } catch (error) {
    parts.context.log.error({ id, error: toGantryError(error).message }, 'a container could not be found again as it should; it is shown as it was');
  }
}

/** Capabilities beyond these can't be given to anyone. */
function boundingSet(): bigint {
  const [, digits = '0'] = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return BigInt(`0x${digits}`);
}

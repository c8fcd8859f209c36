import { mkdir, realpath } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { GantryError } from '@gantry/errors';
import { createRegistryClient } from '@gantry/registry-client';
import { ContainerFilesStore } from './containers/container-files.ts';
import { ContainerService } from './containers/containers.ts';
import { ContainerStore } from './containers/container-store.ts';
import { ContainerTable } from './containers/container-table.ts';
import { followRuntime } from './containers/runtime-events.ts';
import { UserFiles } from './containers/user-files.ts';
import type { Core } from './core.ts';
import { DiskReclaim } from './drivers/disk-reclaim.ts';
import { openDrivers } from './drivers/open-drivers.ts';
import { EventLog } from './events/event-log.ts';
import { ExecService } from './execs/execs.ts';
import { BlobFiles } from './images/blob-files.ts';
import { ImageService } from './images/images.ts';
import { engineInfo, readFacts } from './info.ts';
import { recover } from './recovery/recover.ts';
import { Database } from './state/database.ts';
import { lockDataRoot } from './state/lock.ts';
import { databasePath, engineId, instanceOf, readBootId, recordedStorage, writeMeta } from './state/meta.ts';
import { Operations } from './state/operations.ts';
import type { Engine, EngineOptions } from './types/index.ts';
import { silent } from './util/logger.ts';
import { randomToken } from './util/ids.ts';
import { version } from './version.ts';

/**
 * Opens an engine over a data root: takes the root for itself, opens the drivers, and puts in order whatever an earlier
 * engine left, containers that still run included. Nothing listens anywhere; the engine is this object.
 *
 * @example
 * await using engine = await createEngine({ dataRoot, runRoot, plugins: { storage, runtimes: { linux }, logs: [logFile] } });
 * await engine.images.pull('debian:12');
 *
 * @throws GantryError conflict `data-root-in-use`, `database-too-new`, `storage-driver-changed`; dataLoss
 *   `database-damaged`; invalid `bad-option`; unavailable `no-driver`, `plugin-probe-failed`; as `loadPlugins`.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  await using stack = new AsyncDisposableStack();
  const log = options.log ?? silent;
  const { dataRoot, runRoot } = await makeRoots(options);
  const session = randomToken();
  const stop = new AbortController();

  stack.use(await lockDataRoot(dataRoot, options.socket));
  const db = await Database.open(databasePath(dataRoot), log);
  stack.defer(() => db.close());
  const id = engineId(db);
  const bootId = options.bootId ?? (await readBootId());

  const drivers = await openDrivers({
    options: { ...options, dataRoot, runRoot }, instance: instanceOf(dataRoot), session, bootId, log, signal: stop.signal, recordedStorage: recordedStorage(db),
  });
  stack.use(drivers);
  stack.defer(() => stop.abort());
  db.transaction(() => {
    writeMeta(db, 'storage-driver', drivers.storage.name);
    writeMeta(db, 'boot-id', bootId);
  });

  const client = stack.use(createRegistryClient({ log, userAgent: `gantry/${version}`, ...options.registry }));
  const events = new EventLog(db, options.keepEvents ?? 4096);
  stack.defer(() => events.close());
  const deadline = options.stepDeadline ?? 120_000;
  const containers = new ContainerStore(deadline, log);
  const table = new ContainerTable(db);
  for (const row of table.load()) containers.add(row);
  const operations = new Operations(db, session);
  const disk = stack.use(new DiskReclaim(drivers.storage, log));
  const images = new ImageService({
    session, db, events, client, log, disk,
    storage: drivers.storage,
    blobs: await BlobFiles.open(join(dataRoot, 'blobs')),
    embedded: options.embeddedImages ?? {},
    users: () => containers.all().map((container) => ({ containerId: container.id, imageId: container.row.origin.id, layerChain: container.row.origin.layerChain, running: container.isRunning })),
    chainsUnderWay: () => operations.chainsInUse(),
  });
  const files = new ContainerFilesStore(drivers.host, session);
  stack.defer(() => files.close());
  const core: Core = {
    session, db, operations, events, drivers, disk, containers, table, files, log, deadline,
    images: images.store,
    facts: await readFacts(drivers),
    users: new UserFiles(drivers.host, session),
  };

  await recover(core);
  await images.clean();
  // What an earlier engine left.
  disk.request();
  for (const [name, runtime] of drivers.runtimes) void followRuntime(core, name, runtime, stop.signal);

  stack.defer(() => settle(containers, options.closeDeadline ?? 5000));
  const resources = stack.move();
  return {
    id,
    version,
    images,
    containers: new ContainerService(core),
    execs: new ExecService(core),
    info: () => engineInfo(core, { id, dataRoot }),
    events: (o = {}) => events.watch(o),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Lets steps that have begun come to their end, for a while: what they leave unfinished, the next engine finishes. */
async function settle(containers: ContainerStore, within: number): Promise<void> {
  const { promise: enough, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), within);
  await Promise.race([enough, Promise.all(containers.all().map((container) => container.actor.idle()))]);
  clearTimeout(timer);
  for (const container of containers.all()) container.close();
}

async function makeRoots({ dataRoot, runRoot }: EngineOptions): Promise<{ readonly dataRoot: string; readonly runRoot: string }> {
  for (const [option, path] of Object.entries({ dataRoot, runRoot })) {
    if (!isAbsolute(path)) throw new GantryError('invalid', 'bad-option', `${option} is ${JSON.stringify(path)}: it must be an absolute path`, { details: { option } });
    await mkdir(path, { recursive: true, mode: 0o700 });
  }
  return { dataRoot: await realpath(dataRoot), runRoot: await realpath(runRoot) };
}

import { hostname as machineName } from 'node:os';
import type { LayerId } from '@gantry/driver-api';
import { resolveConfig } from '../config/resolve.ts';
import type { Core } from '../core.ts';
import { logDriverOf } from '../drivers/drivers.ts';
import type { ContainerConfig, ContainerState, CreateContainer, CreatedContainer } from '../types/index.ts';
import { throwIfAborted } from '../util/abort.ts';
import { randomId } from '../util/ids.ts';
import { all } from '../util/settle.ts';
import { now } from '../util/time.ts';
import type { ContainerRow } from './container.ts';
import { containerEvent } from './container-events.ts';
import { deleteOwned } from './holds.ts';
import { parseName, randomName } from './names.ts';
import { toGantryError } from '@gantry/errors';

type Needs = Pick<Core, 'db' | 'operations' | 'events' | 'drivers' | 'facts' | 'images' | 'containers' | 'table' | 'files' | 'log'>;

const fresh: ContainerState = { status: 'created', pid: 0, exitCode: 0, oomKilled: false, error: '', startedAt: null, finishedAt: null };

/** See `Containers.create`. The signal counts until the container's row is committed. */
export async function createContainer(core: Needs, request: CreateContainer, signal: AbortSignal | undefined): Promise<CreatedContainer> {
  const asked = request.name === undefined || request.name === '' ? undefined : parseName(request.name);
  const image = await core.images.forContainer(request.image, request.platform);
  const { config, warnings } = resolveConfig(request, image.config, core.facts);
  await logDriverOf(core.drivers, config.log.driver)?.validate({ ...config.log.options });
  throwIfAborted(signal);

  const id = randomId();
  const name = asked ?? randomName((candidate) => core.containers.isNamed(candidate));
  core.containers.reserve(name, id);
  try {
    const row: ContainerRow = { id, name, createdAt: now(), config: { ...config, hostname: hostnameOf(config, id) }, origin: image.origin, restartCount: 0, state: fresh, token: null };
    await make(core, row, signal);
  } catch (error) {
    core.containers.giveBack(name, id);
    throw error;
  }
  // One that removes itself is gone after a power cut anyway: nothing to wait for.
  if (!config.autoRemove) await core.db.durable();
  return { id, name, warnings };
}

async function make(core: Needs, row: ContainerRow, signal: AbortSignal | undefined): Promise<void> {
  const { id, config, origin } = row;
  const operation = core.operations.begin({ kind: 'create', subject: id, layerChain: origin.layerChain, logDriver: config.log.driver });
  try {
    await all([
      core.drivers.storage.prepare(id, origin.layerChain as LayerId | null, signal === undefined ? {} : { signal }), // a layer's id is its chain ID
      core.files.write(id, config),
      core.drivers.host.folder(id),
    ]);
    throwIfAborted(signal);
    core.db.transaction(() => {
      core.table.insert(row);
      core.operations.end(operation);
      core.events.record(containerEvent(row, 'create'));
    });
  } catch (error) {
    await undo(core, row, operation);
    throw error;
  }
  core.containers.add(row);
}

/** What cannot be undone now stays on record, and is undone when the engine starts again. */
async function undo(core: Needs, row: ContainerRow, operation: string): Promise<void> {
  try {
    await deleteOwned(core, row.id, row.config.log.driver);
    core.operations.end(operation);
  } catch (error) {
    core.log.warn({ container: row.id, error: toGantryError(error).message }, 'a container that could not be made left something behind; the next start of the engine removes it');
  }
}

function hostnameOf({ hostname, namespaces, network }: ContainerConfig, id: string): string {
  if (hostname !== '') return hostname;
  return namespaces.uts === 'host' || network.mode === 'host' ? machineName() : id.slice(0, 12);
}

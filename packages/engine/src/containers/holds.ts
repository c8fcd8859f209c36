import type { Core } from '../core.ts';
import { runtimeOf } from '../drivers/drivers.ts';
import { tearDown, type Step } from '../util/settle.ts';
import type { Container } from './container.ts';

type Needs = Pick<Core, 'drivers' | 'files'>;

/** Who holds the mount of a container's snapshot while it runs. */
export function holderOf(id: string): string {
  return `container:${id}`;
}

/** Frees what a run held. Repeatable. @throws GantryError `teardown-failed`, after every step was tried. */
export async function release({ drivers }: Pick<Core, 'drivers'>, container: Container): Promise<void> {
  await tearDown(`cleaning up after container ${container.id}`, runSteps(drivers, container));
}

/** Frees what the last run held, and deletes what the container owns. Repeatable. @throws as `release`. */
export async function releaseAndDelete({ drivers, files }: Needs, container: Container): Promise<void> {
  const { id, row } = container;
  const [runtime, held] = runSteps(drivers, container);
  const [independent, dependent] = ownSteps(drivers, files, id, row.config.log.driver);
  await tearDown(`removing container ${id}`, [runtime, [...held, ...independent], dependent]);
}

/** Deletes what a container owns that never ran. Repeatable. @throws as `release`. */
export async function deleteOwned({ drivers, files }: Needs, id: string, logDriver: string): Promise<void> {
  await tearDown(`undoing the creation of container ${id}`, ownSteps(drivers, files, id, logDriver));
}

/** The processes first: as long as there are any, they use the rest. */
function runSteps(drivers: Core['drivers'], { id, row }: Container): readonly [readonly Step[], readonly Step[]] {
  // Asked for in each step, so that one that is not configured any more fails these alone.
  const runtime = () => runtimeOf(drivers, row.config.runtime);
  return [
    [['runtime', async () => runtime().delete(id, { force: true })]],
    [
      ['sandbox', async () => runtime().closeSandbox(id)],
      ['mount', () => drivers.storage.release(id, holderOf(id))],
    ],
  ];
}

/** The snapshot must not be mounted any more, and the log lies in the folder. */
function ownSteps({ storage, host, logs }: Core['drivers'], files: Core['files'], id: string, logDriver: string): readonly [readonly Step[], readonly Step[]] {
  return [
    [
      ['log', async () => logs.get(logDriver)?.remove(id)],
      ['files', () => files.remove(id)],
    ],
    [
      ['snapshot', () => storage.remove({ snapshot: id })],
      ['folder', () => host.dropFolder(id)],
    ],
  ];
}

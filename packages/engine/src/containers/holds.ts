import type { Core } from '../core.ts';
import { runtimeOf } from '../drivers/drivers.ts';
import type { Step } from '../util/settle.ts';
import type { Container } from './container.ts';

/** Who holds the mount of a container's snapshot while it runs. */
export function holderOf(id: string): string {
  return `container:${id}`;
}

/** The steps that free what a run held, in order. Each is repeatable. */
export function releaseSteps(core: Pick<Core, 'drivers'>, container: Pick<Container, 'id' | 'row'>): readonly Step[] {
  const { id } = container;
  const { storage } = core.drivers;
  // Named late: a runtime that is not configured any more fails this step alone.
  const runtime = () => runtimeOf(core.drivers, container.row.config.runtime);
  return [
    ['runtime', () => runtime().delete(id, { force: true })],
    ['sandbox', () => runtime().closeSandbox(id)],
    ['storage', () => storage.release(id, holderOf(id))],
  ];
}

/** The steps that delete what a container owns, once it does not run. Each is repeatable. */
export function deleteSteps(core: Pick<Core, 'drivers' | 'files'>, id: string, logDriver: string): readonly Step[] {
  const { storage, host, logs } = core.drivers;
  return [
    ['snapshot', () => storage.remove({ snapshot: id })],
    ['log', async () => logs.get(logDriver)?.remove(id)],
    ['files', () => core.files.remove(id)],
    ['folder', () => host.dropFolder(id)],
  ];
}

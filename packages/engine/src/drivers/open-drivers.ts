import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadPlugins, type DriverContext, type Kinds, type LoadedPlugin, type Logger } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { EngineOptions } from '../types/index.ts';
import { all, tearDown } from '../util/settle.ts';
import type { Drivers } from './drivers.ts';

export interface OpenDrivers {
  readonly options: EngineOptions;
  readonly instance: string;
  readonly session: string;
  readonly bootId: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Name of the storage driver that the data root was made with. */
  readonly recordedStorage: string | undefined;
}

/** Runtimes last: the others may still work through what a runtime keeps on the machine. */
const closingOrder: readonly (keyof Kinds)[] = ['log', 'volume', 'network', 'storage', 'host', 'runtime'];

/** Where the paths of in-process drivers mean something. */
const domain = 'local';

/**
 * Loads, checks, probes and opens the drivers that the options name.
 * @throws GantryError as `loadPlugins`; conflict `storage-driver-changed`.
 */
export async function openDrivers(o: OpenDrivers): Promise<Drivers> {
  const { options } = o;
  const context = async (kind: keyof Kinds, name: string): Promise<DriverContext> => {
    const stateDir = join(options.dataRoot, kind, name);
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    return {
      instance: o.instance, session: o.session, bootId: o.bootId, domain, stateDir,
      // One for all: what they share on the machine, they find there.
      runDir: options.runRoot,
      log: o.log.child({ driver: `${kind}/${name}` }),
      signal: o.signal,
    };
  };
  const loaded = await loadPlugins(options.plugins, {
    context,
    recorded: { storage: o.recordedStorage },
    ...(options.pluginDefaults === undefined ? {} : { defaults: options.pluginDefaults }),
    pluginDir: options.pluginDir,
    resolveFrom: options.resolveFrom,
  });
  checkStorage(loaded.storage, o.recordedStorage);
  const defaultLog = options.defaultLog ?? loaded.logs[0]?.name ?? 'none';
  if (defaultLog !== 'none' && !loaded.logs.some(({ name }) => name === defaultLog)) {
    throw new GantryError('invalid', 'bad-option', `defaultLog: there is no log driver ${defaultLog}, only ${[...loaded.logs.map(({ name }) => name), 'none'].join(', ')}`, { details: { option: 'defaultLog' } });
  }

  const opened: { readonly name: string; readonly driver: AsyncDisposable; readonly rank: number }[] = [];
  const open = async <K extends keyof Kinds>(plugin: LoadedPlugin<K>): Promise<Kinds[K]> => {
    const driver = await plugin.open();
    opened.push({ name: `${plugin.kind}/${plugin.name}`, driver, rank: closingOrder.indexOf(plugin.kind) });
    return driver;
  };
  const close = (): Promise<void> =>
    tearDown('closing the drivers', opened.sort((a, b) => a.rank - b.rank).map(({ name, driver }) => [[name, () => Promise.resolve(driver[Symbol.asyncDispose]())]]));
  try {
    const [host, storage, runtimes, logs] = await all([
      open(loaded.host),
      open(loaded.storage),
      all([...loaded.runtimes.values()].map(open)),
      all(loaded.logs.map(open)),
    ]);
    return {
      host,
      storage,
      runtimes: new Map([...loaded.runtimes.keys()].flatMap((name, i) => (runtimes[i] === undefined ? [] : [[name, runtimes[i]] as const]))),
      defaultRuntime: loaded.defaultRuntime,
      logs: new Map(loaded.logs.flatMap(({ name }, i) => (logs[i] === undefined ? [] : [[name, logs[i]] as const]))),
      defaultLog,
      skipped: loaded.skipped,
      packages: new Map([loaded.host, loaded.storage, ...loaded.runtimes.values(), ...loaded.logs].flatMap((p) => (p.package === undefined ? [] : [[`${p.kind}/${p.name}`, p.package] as const]))),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Another driver would not see a layer of what is there. */
function checkStorage({ name }: LoadedPlugin<'storage'>, recorded: string | undefined): void {
  if (recorded === undefined || recorded === name) return;
  throw new GantryError('conflict', 'storage-driver-changed', `the data root has images of the storage driver ${recorded}, and ${name} is configured: go back to ${recorded}, or choose another data root`, {
    details: { recorded, configured: name },
  });
}

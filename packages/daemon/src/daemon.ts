import type { Logger } from '@gantry/driver-api';
import { createEngine, type Engine } from '@gantry/engine';
import { layoutPath, reference } from '@gantry/hello-image';
import { createBackends } from './backends/backends.ts';
import type { DaemonConfig } from './config/config.ts';
import { product } from './product.ts';
import { clearHosts, startApiServer } from './server/api-server.ts';
import { socketGroup } from './server/group.ts';
import { removePidfile, writePidfile } from './server/pidfile.ts';

export interface StartOptions {
  readonly config: DaemonConfig;
  readonly log: Logger;
}

/** A daemon that answers. Disposing is `close()`. */
export interface Daemon extends AsyncDisposable {
  readonly engine: Engine;
  readonly hosts: readonly string[];
  /** Lets requests finish for a moment, closes the engine, and frees its sockets. Containers go on. Repeatable. */
  close(): Promise<void>;
}

/** Drivers where the configuration names none: the first that works here. */
const driverDefaults = {
  storage: ['@gantry/storage-overlay', '@gantry/storage-vfs'],
  logs: ['@gantry/log-file'],
  runtimes: { linux: '@gantry/runtime-linux' },
} as const;

/**
 * Opens the engine over the configured drivers and serves its API.
 *
 * @throws GantryError conflict `data-root-in-use`, `socket-in-use`, `not-a-socket`; notFound `no-such-group`; what
 *   `createEngine` throws of drivers that are named and cannot work here. Nothing is left open then.
 */
export async function startDaemon({ config, log }: StartOptions): Promise<Daemon> {
  const gid = await socketGroup(config.group);
  await clearHosts(config.hosts);
  const engine = await createEngine({
    dataRoot: config.dataRoot,
    runRoot: config.execRoot,
    plugins: config.drivers,
    pluginDefaults: driverDefaults,
    pluginDir: config.pluginDir,
    resolveFrom: (name) => import.meta.resolve(name),
    defaultLog: config.logDriver,
    registry: { mirrors: { 'docker.io': config.registryMirrors }, insecureRegistries: config.insecureRegistries, proxy: config.proxies, userAgent: `gantry/${product.version}` },
    embeddedImages: { [reference]: layoutPath() },
    log,
    socket: config.hosts[0],
  });
  const end = async (): Promise<void> => {
    await engine[Symbol.asyncDispose]();
    if (config.pidfile !== undefined) await removePidfile(config.pidfile);
  };
  try {
    // Before it listens: whoever got an answer may look for it.
    if (config.pidfile !== undefined) await writePidfile(config.pidfile);
    const server = await startApiServer({ hosts: config.hosts, gid, backends: createBackends(engine, config), product, log });
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => (closing ??= server.close().then(end));
    return { engine, hosts: config.hosts, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await end();
    throw error;
  }
}

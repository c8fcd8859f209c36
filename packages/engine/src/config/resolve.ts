import { dockerShmSize, type ImageConfigDefaults } from '@gantry/oci';
import type { ContainerConfig, CreateContainer, Filesystem, LogConfig, Namespaces, RestartPolicy } from '../types/index.ts';
import { mergeImageDefaults } from './image-defaults.ts';
import { badConfig, notYet } from './invalid.ts';
import { resolveNetwork } from './network.ts';
import { refuseNotYet } from './not-yet.ts';
import { containerPath } from './paths.ts';
import { resolveResources, type MachineFacts } from './resources.ts';
import { resolveSecurity } from './security.ts';
import { tmpfsOptions } from './tmpfs.ts';

/** What the engine has to offer. */
export interface EngineFacts extends MachineFacts {
  readonly runtimes: readonly string[];
  readonly defaultRuntime: string;
  readonly logs: readonly string[];
  readonly defaultLog: string;
}

/**
 * The whole configuration of a container, checked in every field before anything is made: a request that gets through
 * here can only fail for what the machine does later.
 * @throws GantryError invalid `bad-container-config`, `bad-signal`; notImplemented `not-yet`.
 */
export function resolveConfig(request: CreateContainer, image: ImageConfigDefaults, facts: EngineFacts): { config: ContainerConfig; warnings: readonly string[] } {
  refuseNotYet(request);
  const process = mergeImageDefaults(request, image);
  const namespaces = resolveNamespaces(request.namespaces);
  const network = resolveNetwork(request.network, process.networkDisabled);
  const { resources, warnings } = resolveResources(request.resources ?? {}, facts);
  const restart = resolveRestart(request.restart);
  const autoRemove = request.autoRemove ?? false;
  if (autoRemove && restart.name !== 'no') throw badConfig('autoRemove', "can't create 'AutoRemove' container with restart policy");
  if (restart.name !== 'no') warnings.push(`The restart policy ${restart.name} is kept, but this release does not restart containers yet.`);
  if (process.healthcheck !== undefined && process.healthcheck.Test?.[0] !== 'NONE') warnings.push('The health check of the image is kept, but this release does not run it yet.');
  if (process.volumes.length > 0) warnings.push(`The image declares volumes (${process.volumes.join(', ')}): this release keeps their data in the container itself.`);
  if (namespaces.uts === 'host' && process.hostname + process.domainname !== '') throw badConfig('hostname', 'conflicting options: hostname and the UTS mode');
  const config: ContainerConfig = {
    ...process,
    resources,
    security: resolveSecurity(request.security ?? {}, namespaces, network.mode === 'host'),
    namespaces,
    filesystem: resolveFilesystem(request.filesystem),
    network,
    restart,
    log: resolveLog(request.log, facts),
    autoRemove,
    runtime: resolveRuntime(request.runtime, facts),
    annotations: request.annotations ?? {},
    ...(request.consoleSize === undefined ? {} : { consoleSize: checkSize(request.consoleSize) }),
  };
  return { config, warnings };
}

function resolveNamespaces(given: CreateContainer['namespaces']): Namespaces {
  const pick = <T extends string>(field: keyof Namespaces, known: readonly [T, ...T[]], what: string): T => {
    const wanted = given?.[field] ?? '';
    if (wanted === '') return known[0];
    const found = known.find((mode) => mode === wanted);
    if (found !== undefined) return found;
    if (wanted.startsWith('container:')) throw notYet(`namespaces.${field}`, `the ${what} namespace of another container (${wanted})`);
    throw badConfig(`namespaces.${field}`, `invalid ${what} mode: ${wanted}`);
  };
  return {
    ipc: pick('ipc', ['private', 'shareable', 'none', 'host'], 'IPC'),
    pid: pick('pid', ['private', 'host'], 'PID'),
    uts: pick('uts', ['private', 'host'], 'UTS'),
    cgroup: pick('cgroup', ['private', 'host'], 'cgroup'),
  };
}

function resolveFilesystem(given: CreateContainer['filesystem']): Filesystem {
  const shmSize = given?.shmSize === undefined || given.shmSize === 0 ? dockerShmSize : given.shmSize;
  if (!Number.isSafeInteger(shmSize) || shmSize < 0) throw badConfig('filesystem.shmSize', 'SHM size can not be less than 0');
  const tmpfs: Record<string, string> = {};
  for (const [path, options] of Object.entries(given?.tmpfs ?? {})) {
    const target = containerPath('filesystem.tmpfs', path, `invalid mount path: ${JSON.stringify(path)} mount path must be absolute`);
    if (target === '/') throw badConfig('filesystem.tmpfs', "invalid mount path: the container's root cannot be a tmpfs");
    tmpfsOptions(target, options);
    tmpfs[target] = options;
  }
  return { readonlyRoot: given?.readonlyRoot ?? false, tmpfs, shmSize };
}

const policies = ['no', 'always', 'unless-stopped', 'on-failure'] as const;

function resolveRestart(given: CreateContainer['restart']): RestartPolicy {
  const wanted = given?.name === undefined || given.name === '' ? 'no' : given.name;
  const name = policies.find((policy) => policy === wanted);
  const maximumRetryCount = given?.maximumRetryCount ?? 0;
  if (name === undefined) {
    throw badConfig('restart', `invalid restart policy: unknown policy '${wanted}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`);
  }
  if (!Number.isSafeInteger(maximumRetryCount) || maximumRetryCount < 0) throw badConfig('restart', 'invalid restart policy: maximum retry count cannot be negative');
  if (maximumRetryCount > 0 && name !== 'on-failure') throw badConfig('restart', "invalid restart policy: maximum retry count can only be used with 'on-failure'");
  return { name, maximumRetryCount };
}

function resolveLog(given: CreateContainer['log'], facts: EngineFacts): LogConfig {
  const driver = given?.driver === undefined || given.driver === '' ? facts.defaultLog : given.driver;
  if (driver !== 'none' && !facts.logs.includes(driver)) {
    throw badConfig('log.driver', `logger: no log driver named '${driver}' is registered: there are ${[...facts.logs, 'none'].join(', ')}`);
  }
  return { driver, options: given?.options ?? {} };
}

function resolveRuntime(given: string | undefined, facts: EngineFacts): string {
  const runtime = given === undefined || given === '' ? facts.defaultRuntime : given;
  if (!facts.runtimes.includes(runtime)) throw badConfig('runtime', `unknown or invalid runtime name: ${runtime}`);
  return runtime;
}

function checkSize({ rows, cols }: { readonly rows: number; readonly cols: number }): { readonly rows: number; readonly cols: number } {
  for (const n of [rows, cols]) if (!Number.isInteger(n) || n < 0 || n > 65535) throw badConfig('consoleSize', `invalid console size ${rows}x${cols}`);
  return { rows, cols };
}

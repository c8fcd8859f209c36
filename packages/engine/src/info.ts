import { hostname } from 'node:os';
import type { Driver } from '@gantry/driver-api';
import type { EngineFacts } from './config/resolve.ts';
import type { Core } from './core.ts';
import type { Drivers } from './drivers/drivers.ts';
import type { SpecMachine } from './spec/build-spec.ts';
import type { DriverInfo, EngineInfo } from './types/index.ts';
import { now } from './util/time.ts';
import { version } from './version.ts';

/** What of the machine and the drivers decides what a container can have. */
export async function readFacts({ host, runtimes, defaultRuntime, logs, defaultLog }: Drivers): Promise<EngineFacts & SpecMachine> {
  const { cpus, cgroup, kernel, arch, features } = await host.info();
  return { cpus, cgroup, kernel, arch, swapLimit: features['swapLimit'] !== 'false', runtimes: [...runtimes.keys()], defaultRuntime, logs: [...logs.keys()], defaultLog };
}

const machineNames: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64', arm: 'armv7l', '386': 'i686' };

/** See `Engine.info`. */
export async function engineInfo(core: Core, { id, dataRoot }: { readonly id: string; readonly dataRoot: string }): Promise<EngineInfo> {
  const { drivers, facts } = core;
  const named: readonly (readonly [kind: string, as: string, driver: Driver])[] = [
    ['storage', drivers.storage.name, drivers.storage],
    ['host', drivers.host.name, drivers.host],
    ...[...drivers.runtimes].map(([as, driver]) => ['runtime', as, driver] as const),
    ...[...drivers.logs].map(([as, driver]) => ['log', as, driver] as const),
  ];
  const [host, infos] = await Promise.all([
    drivers.host.info(),
    Promise.all(named.map(async ([kind, as, driver]): Promise<DriverInfo> => ({ kind, as, name: driver.name, package: drivers.packages.get(`${kind}/${as}`), domain: driver.domain, status: await driver.status() }))),
  ]);
  const statuses = core.containers.all().map(({ row }) => row.state.status);
  const count = (wanted: string): number => statuses.filter((status) => status === wanted).length;
  const running = count('running');
  const paused = count('paused');
  return {
    id,
    version,
    dataRoot,
    containers: { total: statuses.length, running, paused, stopped: statuses.length - running - paused },
    images: core.images.count,
    storage: infos[0] ?? { kind: 'storage', as: drivers.storage.name, name: drivers.storage.name, domain: drivers.storage.domain, status: [] },
    drivers: infos,
    skipped: drivers.skipped.map(({ kind, name, package: from, reason }) => ({ kind, name, package: from, reason })),
    runtimes: facts.runtimes,
    defaultRuntime: facts.defaultRuntime,
    logs: [...facts.logs, 'none'],
    defaultLog: facts.defaultLog,
    host: {
      name: hostname(),
      kernel: host.kernel,
      os: host.features['os'] ?? host.os,
      arch: machineNames[host.arch] ?? host.arch,
      cpus: host.cpus,
      memory: host.memory,
      cgroup: host.cgroup,
      cgroupDriver: 'cgroupfs',
      features: host.features,
    },
    securityOptions: ['name=seccomp,profile=builtin', ...(host.cgroup === 'v2' ? ['name=cgroupns'] : [])],
    eventListeners: core.events.listeners,
    time: now(),
    warnings: facts.swapLimit ? [] : ['WARNING: No swap limit support'],
  };
}

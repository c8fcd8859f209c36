import { readdir, readFile } from 'node:fs/promises';
import type { EventRecord, EventsQuery, SystemBackend } from '@gantry/api';
import type { Engine } from '@gantry/engine';
import { parseEnv } from 'node:util';
import type { DaemonConfig } from '../config/config.ts';
import { withoutSecret } from '../config/proxies.ts';
import { product } from '../product.ts';
import { toDriverReports } from '../wire/drivers.ts';
import { matchesNothing, toEventRecord, toWatch } from '../wire/events.ts';
import { toInfo, toVersion, type DaemonFacts } from '../wire/info.ts';

/** A file that may not be there, on a system that has no such thing. */
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

async function readFacts(config: DaemonConfig): Promise<DaemonFacts> {
  const [forwarding, release, descriptors] = await Promise.all([textOf('/proc/sys/net/ipv4/ip_forward'), textOf('/etc/os-release'), readdir('/proc/self/fd')]);
  return {
    product,
    debug: config.logLevel === 'debug',
    registryMirrors: config.registryMirrors,
    insecureRegistries: config.insecureRegistries,
    proxies: { http: withoutSecret(config.proxies.http), https: withoutSecret(config.proxies.https), except: config.proxies.except ?? '' },
    descriptors: descriptors.length,
    forwarding: forwarding.trim() === '1',
    osVersion: parseEnv(release)['VERSION_ID'] ?? '',
  };
}

async function* records(engine: Engine, query: EventsQuery): AsyncGenerator<EventRecord, void, undefined> {
  for await (const event of engine.events(toWatch(query))) yield toEventRecord(event);
}

/** No event, until the client leaves or its time is over. */
async function* silence({ signal, until }: EventsQuery): AsyncGenerator<EventRecord, void, undefined> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  signal.addEventListener('abort', resolve, { once: true });
  const left = until === undefined ? undefined : Number(until / 1_000_000n) - Date.now();
  const timer = left === undefined ? undefined : setTimeout(resolve, Math.min(Math.max(left, 0), 2 ** 31 - 1));
  if (signal.aborted) resolve(undefined);
  await promise;
  clearTimeout(timer);
  yield* [];
}

export function systemBackend(engine: Engine, config: DaemonConfig): SystemBackend {
  return {
    version: async () => toVersion(product, (await engine.info()).host),
    info: async () => toInfo(await engine.info(), await readFacts(config)),
    events: async (query) => (matchesNothing(query.filters) ? silence(query) : records(engine, query)),
    drivers: async () => toDriverReports(await engine.info()),
  };
}

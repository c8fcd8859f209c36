import type { CreateContainer, NotYet } from '../types/index.ts';
import type { Given } from '../types/given.ts';
import { notYet } from './invalid.ts';

/** @throws GantryError notImplemented `not-yet` for whatever was asked for that this release has not got. */
export function refuseNotYet(request: CreateContainer): void {
  const given: Given<NotYet> = request.notYet ?? {};
  const refusals: readonly (readonly [field: string, asked: boolean, what: string])[] = [
    ['notYet.binds', filled(given.binds), 'bind mounts and named volumes (-v)'],
    ['notYet.mounts', filled(given.mounts), 'mounts (--mount)'],
    ['notYet.volumesFrom', filled(given.volumesFrom), 'volumes of another container (--volumes-from)'],
    ['notYet.volumeDriver', filled(given.volumeDriver), 'volume drivers (--volume-driver)'],
    ['volumes', filled(request.volumes), 'volumes (-v)'],
    ['notYet.ports', filled(given.ports), 'published ports (-p)'],
    ['notYet.publishAll', given.publishAll === true, 'published ports (-P)'],
    ['notYet.links', filled(given.links), 'links (--link)'],
    ['notYet.init', given.init === true, 'an init process (--init)'],
    ['notYet.deviceRequests', filled(given.deviceRequests), 'device requests (--gpus)'],
    ['notYet.storageOptions', filled(given.storageOptions), 'storage options (--storage-opt)'],
    ['notYet.userns', !['', 'host', undefined].includes(given.userns), `the user namespace mode ${JSON.stringify(given.userns)} (--userns)`],
    ['notYet.macAddress', filled(given.macAddress), 'a MAC address (--mac-address)'],
    ['healthcheck', asksForChecks(request.healthcheck), 'health checks (--health-cmd)'],
    ['notYet.endpoints', hasSettings(given.endpoints, request.network?.mode), 'networks and their settings (--network-alias, --ip)'],
  ];
  for (const [field, asked, what] of refusals) if (asked) throw notYet(field, what);
}

function filled(value: string | object | undefined): boolean {
  if (value === undefined) return false;
  return typeof value === 'string' ? value !== '' : Object.keys(value).length > 0;
}

function asksForChecks(check: CreateContainer['healthcheck']): boolean {
  if (check === undefined || check.Test?.[0] === 'NONE') return false;
  return (check.Test?.length ?? 0) > 0 || [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval, check.Retries].some((n) => (n ?? 0) !== 0);
}

/** Docker's clients always name the network they ask for here, with empty settings. */
function hasSettings(endpoints: NotYet['endpoints'] | undefined, mode: string | undefined): boolean {
  const entries = Object.entries(endpoints ?? {});
  const expected = new Set(['default', 'bridge', mode]);
  return entries.some(([network, settings]) => !expected.has(network) || !isEmpty(settings));
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && Object.values(value).every(isEmpty);
}

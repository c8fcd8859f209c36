import { isIP } from 'node:net';
import type { CreateContainer, NetworkConfig } from '../types/index.ts';
import { badConfig, notYet } from './invalid.ts';

const modes = ['default', 'bridge', 'none', 'host'] as const;
/** resolv.conf(5) keeps one line per entry: nothing that could begin another. */
const oneWord = /^[^\s\0]{1,253}$/;

/** @throws GantryError invalid `bad-container-config`; notImplemented `not-yet` for other networks. */
export function resolveNetwork(given: CreateContainer['network'], networkDisabled: boolean): NetworkConfig {
  const wanted = given?.mode === undefined || given.mode === '' ? 'default' : given.mode;
  const mode = modes.find((known) => known === wanted);
  if (mode === undefined) throw notYet('network.mode', `the network ${JSON.stringify(wanted)} (--network; there are none, host and the default one)`);
  for (const address of given?.dns ?? []) if (isIP(address) === 0) throw badConfig('network.dns', `${address} is not an ip address`);
  for (const word of [...(given?.dnsSearch ?? []), ...(given?.dnsOptions ?? [])]) {
    if (!oneWord.test(word)) throw badConfig('network.dns', `invalid DNS domain or option ${JSON.stringify(word)}`);
  }
  return {
    mode: networkDisabled ? 'none' : mode,
    dns: given?.dns ?? [],
    dnsSearch: given?.dnsSearch ?? [],
    dnsOptions: given?.dnsOptions ?? [],
    extraHosts: (given?.extraHosts ?? []).map(checkExtraHost),
  };
}

function checkExtraHost(entry: string): string {
  const [, name, address] = /^([^\s:=\0]+)[:=](.+)$/.exec(entry) ?? [];
  if (name === undefined || address === undefined) throw badConfig('network.extraHosts', `bad format for add-host: ${JSON.stringify(entry)}`);
  if (address === 'host-gateway') throw notYet('network.extraHosts', '"host-gateway" in --add-host');
  if (isIP(address.replace(/^\[(.*)\]$/, '$1')) === 0) throw badConfig('network.extraHosts', `invalid IP address in add-host: ${JSON.stringify(address)}`);
  return entry;
}

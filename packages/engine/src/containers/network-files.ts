import type { NetworkConfig } from '../types/index.ts';

const ownHosts = [
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost ip6-localhost ip6-loopback'],
  ['fe00::0', 'ip6-localnet'],
  ['ff00::0', 'ip6-mcastprefix'],
  ['ff02::1', 'ip6-allnodes'],
  ['ff02::2', 'ip6-allrouters'],
] as const;

/** `/etc/hosts`: the machine's with its network, else loopback's names; what was asked for comes last. */
export function hostsFile(network: NetworkConfig, hostname: string, machine: string): string {
  const extra = network.extraHosts.map((entry) => {
    const [, name = '', address = ''] = /^([^:=]+)[:=](.+)$/.exec(entry) ?? [];
    return [address.replace(/^\[(.*)\]$/, '$1'), name] as const;
  });
  const base = network.mode === 'host' ? (machine === '' || machine.endsWith('\n') ? machine : `${machine}\n`) : lines(ownHosts);
  // Without addresses of its own, a container still finds itself by its name.
  const self = network.mode === 'default' || network.mode === 'bridge' ? lines([['127.0.0.1', hostname]]) : '';
  return base + self + lines(extra);
}

function lines(entries: readonly (readonly [string, string])[]): string {
  return entries.map(([address, names]) => `${address}\t${names}\n`).join('');
}

/** `/etc/resolv.conf`: the machine's, except for what was asked for. */
export function resolvConf({ dns, dnsSearch, dnsOptions }: NetworkConfig, machine: string): string {
  if (dns.length === 0 && dnsSearch.length === 0 && dnsOptions.length === 0) return machine;
  const kept = (keyword: string): string[] => machine.split('\n').filter((line) => line.trim().split(/\s+/)[0] === keyword);
  const search = dnsSearch.filter((domain) => domain !== '.');
  return [
    ...(dns.length > 0 ? dns.map((server) => `nameserver ${server}`) : kept('nameserver')),
    // "." means: no search domains at all.
    ...(dnsSearch.length === 0 ? [...kept('search'), ...kept('domain')] : search.length === 0 ? [] : [`search ${search.join(' ')}`]),
    ...(dnsOptions.length > 0 ? [`options ${dnsOptions.join(' ')}`] : kept('options')),
    '',
  ].join('\n');
}

import { BlockList, isIP } from 'node:net';
import { GantryError } from '@gantry/errors';
import { quoted } from '@gantry/oci';
import type { HostCertificates } from '../options.ts';

/**
 * Which hosts are held to verified TLS, and with which certificates.
 *
 * Decided by the text of the host alone: an address literal, `localhost`, or a name that the configuration lists. What
 * a name resolves to is never asked, so that no DNS answer can turn verification off (CVE-2026-92543).
 */
export class HostRules {
  readonly #insecureHosts = new Set<string>();
  readonly #insecureNets = new BlockList();
  readonly #loopback = new BlockList();
  readonly #certificates = new Map<string, HostCertificates>();

  /** @throws GantryError invalid `bad-host`. */
  constructor(insecureRegistries: readonly string[], certificates: Readonly<Record<string, HostCertificates>>) {
    this.#loopback.addSubnet('127.0.0.0', 8, 'ipv4');
    this.#loopback.addAddress('::1', 'ipv6');
    for (const entry of insecureRegistries) {
      if (entry.includes('/')) this.#addNet(entry);
      else this.#insecureHosts.add(canonicalHost(entry));
    }
    for (const [host, files] of Object.entries(certificates)) this.#certificates.set(canonicalHost(host), files);
  }

  certificates(host: string): HostCertificates | undefined {
    return this.#certificates.get(host);
  }

  isLoopback(url: URL): boolean {
    return url.hostname === 'localhost' || this.#within(this.#loopback, url.hostname);
  }

  /** May speak plain HTTP, or HTTPS with any certificate. A loopback host whose CA was configured may not. */
  isInsecure(url: URL): boolean {
    if (this.#insecureHosts.has(url.host) || this.#within(this.#insecureNets, url.hostname)) return true;
    return this.isLoopback(url) && this.#certificates.get(url.host)?.ca === undefined;
  }

  /** Whether who answers there is known to be who the URL names. */
  isVerified(url: URL): boolean {
    return url.protocol === 'https:' && !this.isInsecure(url);
  }

  /** A hop that would lose what the first URL has: encryption, or a verified peer. */
  isDowngrade(from: URL, to: URL): boolean {
    return (from.protocol === 'https:' && to.protocol !== 'https:') || (this.isVerified(from) && !this.isVerified(to));
  }

  #addNet(entry: string): void {
    const slash = entry.indexOf('/');
    const address = entry.slice(0, slash);
    const family = isIP(address);
    const bits = Number(entry.slice(slash + 1));
    if (family === 0 || !/^\d{1,3}$/.test(entry.slice(slash + 1)) || bits > (family === 4 ? 32 : 128)) throw badHost(entry, 'expected a host, host:port or a network such as 10.0.0.0/8');
    this.#insecureNets.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  }

  #within(list: BlockList, hostname: string): boolean {
    const address = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}

/** `host[:port]` as URLs spell it: lower case, addresses in their one form. @throws GantryError invalid `bad-host`. */
export function canonicalHost(host: string): string {
  return hostUrl('https', host).host;
}

/** @throws GantryError invalid `bad-host`: not `host` or `host:port`. */
export function hostUrl(scheme: 'http' | 'https', host: string): URL {
  const url = URL.parse(`${scheme}://${host}/`);
  // Whatever the parser took for something other than host and port shows in the URL.
  if (url?.href !== `${scheme}://${url?.host ?? ''}/`) throw badHost(host, 'expected host or host:port');
  return url;
}

function badHost(host: string, why: string): GantryError {
  return new GantryError('invalid', 'bad-host', `invalid registry host ${quoted(host)}: ${why}`, { details: { host } });
}

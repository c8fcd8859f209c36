import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const peers = process.env['PEERS'] ?? '/tmp/peer';

export function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((dir) => existsSync(join(dir, program)));
}

/** Why tests cannot run here, as the end of a sentence; empty where they can. */
export const missing = {
  root: process.getuid?.() === 0 ? '' : 'needs root',
  docker: onPath('docker') ? '' : 'needs the docker command',
  strace: onPath('strace') ? '' : 'needs strace',
  registry: onPath('docker-registry') && existsSync(join(peers, 'registry/docker')) ? '' : 'needs the registry of tools/lab/peers.sh up',
} as const;

/** Where the registry's images are. */
export const registryStore: string = join(peers, 'registry');

/** A name for a suite that says why it is skipped, where it is. */
export function because(name: string, ...reasons: readonly string[]): string {
  const why = reasons.filter((reason) => reason !== '');
  return why.length === 0 ? name : `${name} (${why.join(', ')})`;
}

export function cannot(...reasons: readonly string[]): boolean {
  return reasons.some((reason) => reason !== '');
}

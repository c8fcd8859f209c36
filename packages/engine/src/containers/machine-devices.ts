import type { Host } from '@gantry/driver-api';
import { GantryError, isGantryError } from '@gantry/errors';
import { badConfig } from '../config/invalid.ts';
import type { ResolvedDevice } from '../spec/devices.ts';
import { blockDevicePaths, type BlockDevices } from '../spec/resources.ts';
import type { ContainerConfig } from '../types/index.ts';
import { randomToken } from '../util/ids.ts';

const typeMask = 0o170000;
const character = 0o020000;
const block = 0o060000;
const folder = 0o040000;
/** Far above what any /dev has. */
const maxDevices = 4096;

export interface MachineDevices {
  readonly devices: readonly ResolvedDevice[];
  readonly blockDevices: BlockDevices;
}

/**
 * The devices of the containers' machine that a configuration names, by their numbers now.
 * @throws GantryError invalid `bad-container-config`: a path that is no device.
 */
export async function machineDevices(host: Host, session: string, { security, resources }: ContainerConfig): Promise<MachineDevices> {
  const blockPaths = blockDevicePaths(resources);
  // The common case costs nothing.
  if (security.devices.length === 0 && blockPaths.length === 0 && !security.privileged) return { devices: [], blockDevices: new Map() };
  const tree = `tmp:${session}:devices-${randomToken()}`;
  await host.openTree(tree, { root: '/', mounts: [], readOnly: true });
  try {
    const reader = new DeviceReader(host, tree);
    const asked = (await Promise.all(security.devices.map(async ({ hostPath, containerPath, access }) => reader.below(hostPath, containerPath, access)))).flat();
    const everything = security.privileged ? await reader.all() : [];
    const named = new Set(asked.map(({ node }) => node.path));
    const blockDevices = new Map<string, { readonly major: number; readonly minor: number }>();
    for (const path of blockPaths) {
      const { type, major = 0, minor = 0 } = await reader.device(path, path);
      if (type !== 'b') throw badConfig('resources.blkio', `${path} is not a block device`);
      blockDevices.set(path, { major, minor });
    }
    return { devices: [...everything.filter(({ node }) => !named.has(node.path)), ...asked], blockDevices };
  } finally {
    await host.closeTree(tree);
  }
}

class DeviceReader {
  readonly #host: Host;
  readonly #tree: string;

  constructor(host: Host, tree: string) {
    this.#host = host;
    this.#tree = tree;
  }

  async device(path: string, as: string): Promise<ResolvedDevice['node']> {
    const { mode, uid, gid, rdev } = await this.#stat(path);
    const type = (mode & typeMask) === character ? 'c' : (mode & typeMask) === block ? 'b' : undefined;
    if (type === undefined || rdev === undefined) throw badConfig('security.devices', `error gathering device information while adding custom device "${path}": not a device node`);
    return { path: as, type, major: rdev[0], minor: rdev[1], fileMode: mode & 0o777, uid, gid };
  }

  /** A device, or all below a folder. */
  async below(path: string, as: string, access: string): Promise<ResolvedDevice[]> {
    if (((await this.#stat(path)).mode & typeMask) !== folder) return [{ node: await this.device(path, as), access }];
    return (await this.#walk(path)).map(({ node }) => ({ node: { ...node, path: as + node.path.slice(path.length) }, access }));
  }

  /** What a privileged container gets: every device, but for those that are of one container's own making. */
  async all(): Promise<ResolvedDevice[]> {
    const own = /^\/dev\/(?:pts|shm|fd|mqueue)(?:\/|$)|^\/dev\/(?:console|ptmx|null|zero|full|random|urandom|tty)$/;
    return (await this.#walk('/dev')).filter(({ node }) => !own.test(node.path));
  }

  async #walk(path: string): Promise<ResolvedDevice[]> {
    const found: string[] = [];
    for await (const entry of this.#host.walk({ tree: this.#tree, path })) {
      const type = entry.mode & typeMask;
      // Relative to what was asked for, or to the tree: both are paths of the tree here.
      if (type === character || type === block) found.push(entry.path.startsWith(path) ? entry.path : `${path}/${entry.path}`.replace(/\/+/g, '/'));
      if (found.length > maxDevices) throw new GantryError('exhausted', 'too-many-devices', `${path} of the machine has more than ${maxDevices} devices`);
    }
    return Promise.all(found.map(async (device) => ({ node: await this.device(device, device), access: 'rwm' })));
  }

  async #stat(path: string): ReturnType<Host['stat']> {
    try {
      return await this.#host.stat({ tree: this.#tree, path }, { follow: true });
    } catch (error) {
      if (isGantryError(error) && error.kind === 'notFound') throw badConfig('security.devices', `error gathering device information while adding custom device "${path}": no such file or directory`);
      throw error;
    }
  }
}

import type { Host } from '@gantry/driver-api';
import { isGantryError } from '@gantry/errors';
import type { ContainerFiles } from '../spec/mounts.ts';
import type { NetworkConfig } from '../types/index.ts';
import { hostsFile, resolvConf } from './network-files.ts';

/** Not the id of any container. */
const folderId = 'container-files';
const names = ['hosts', 'hostname', 'resolv.conf'] as const;
/** Milliseconds for which the machine's own resolv.conf and hosts are taken as read. */
const freshFor = 5000;
/** Milliseconds after which they must be read anew before they are used. */
const usableFor = 30_000;
const maxHostFile = 1024 * 1024;

interface HostFiles {
  readonly resolvConf: string;
  readonly hosts: string;
  readonly readAt: number;
}

/**
 * `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` of every container, in one folder that one helper process of the
 * host writes to for as long as the engine lives: a container then costs writes, and no process of its own.
 */
export class ContainerFilesStore {
  readonly #host: Host;
  readonly #tree: string;
  readonly #etc: string;
  #folder: Promise<string> | undefined;
  #hostFiles: HostFiles | undefined;
  #reading: Promise<HostFiles> | undefined;

  constructor(host: Host, session: string) {
    this.#host = host;
    this.#tree = `tmp:${session}:${folderId}`;
    this.#etc = `tmp:${session}:machine`;
  }

  async paths(id: string): Promise<ContainerFiles> {
    const folder = await this.#open();
    return { hosts: `${folder}/${id}/hosts`, hostname: `${folder}/${id}/hostname`, resolvConf: `${folder}/${id}/resolv.conf` };
  }

  /** Repeatable: each file is replaced as a whole. */
  async write(id: string, { hostname, network }: { readonly hostname: string; readonly network: NetworkConfig }): Promise<ContainerFiles> {
    const [paths, machine] = await Promise.all([this.paths(id), this.#machine()]);
    const contents: Readonly<Record<(typeof names)[number], string>> = {
      hosts: hostsFile(network, hostname, machine.hosts),
      hostname: `${hostname}\n`,
      'resolv.conf': resolvConf(network, machine.resolvConf),
    };
    await this.#retried(async () => {
      await this.#host.mkdir({ tree: this.#tree, path: `/${id}` }, { mode: 0o755, uid: 0, gid: 0, parents: true });
      await Promise.all(names.map((name) => this.#host.writeFile({ tree: this.#tree, path: `/${id}/${name}` }, Buffer.from(contents[name]), { mode: 0o644, uid: 0, gid: 0 })));
    });
    return paths;
  }

  async remove(id: string): Promise<void> {
    await this.#retried(() => this.#host.remove({ tree: this.#tree, path: `/${id}` }));
  }

  async #open(): Promise<string> {
    const opening = (this.#folder ??= this.#openTree());
    try {
      return await opening;
    } catch (error) {
      if (this.#folder === opening) this.#folder = undefined;
      throw error;
    }
  }

  async #openTree(): Promise<string> {
    const { path } = await this.#host.folder(folderId);
    await this.#host.openTree(this.#tree, { root: path, mounts: [] });
    return path;
  }

  /** The helper process may have been killed: then once more with a new one. */
  async #retried<T>(work: () => Promise<T>): Promise<T> {
    await this.#open();
    try {
      return await work();
    } catch (error) {
      if (!isGantryError(error) || (error.kind !== 'unavailable' && error.kind !== 'notFound')) throw error;
      this.#folder = undefined;
      await this.#host.closeTree(this.#tree);
      await this.#open();
      return work();
    }
  }

  /** Recent enough: as it is. Not so recent: as it is, and read anew for the next one. Old: read anew first. */
  async #machine(): Promise<HostFiles> {
    const known = this.#hostFiles;
    const age = known === undefined ? Infinity : Date.now() - known.readAt;
    if (known !== undefined && age < freshFor) return known;
    this.#reading ??= this.#readMachine().finally(() => {
      this.#reading = undefined;
    });
    if (known === undefined || age >= usableFor) return this.#reading;
    this.#reading.catch(() => undefined); // who needs it next is told
    return known;
  }

  async #readMachine(): Promise<HostFiles> {
    await this.#host.openTree(this.#etc, { root: '/', mounts: [], readOnly: true });
    try {
      const [resolv, hosts] = await Promise.all(['/etc/resolv.conf', '/etc/hosts'].map((path) => this.#read(path)));
      return (this.#hostFiles = { resolvConf: resolv ?? '', hosts: hosts ?? '', readAt: Date.now() });
    } finally {
      await this.#host.closeTree(this.#etc);
    }
  }

  async #read(path: string): Promise<string> {
    try {
      return Buffer.from(await this.#host.readFile({ tree: this.#etc, path }, { max: maxHostFile })).toString('utf8');
    } catch (error) {
      if (isGantryError(error) && error.kind === 'notFound') return ''; // a machine without one: so is the container
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#folder !== undefined) await this.#host.closeTree(this.#tree);
  }
}

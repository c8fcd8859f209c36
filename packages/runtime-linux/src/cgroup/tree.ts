import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { GantryError } from '@gantry/errors';
import { detectCgroups, type KeeperCgroup, type OomSource } from '@gantry/linux';
import { errnoOf, isAbsent } from '../state/guard.ts';
import { processes } from './files.ts';
import { cgroupHost, cgroupPath, controllerDir, placeOf, type CgroupHost, type CgroupPlace } from './hierarchy.ts';

/** Controllers that containers use; a machine may lack some, and lacks them then for all. */
const wanted = ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'];

/** Removing a group right after its last process died fails for a moment. */
const removeAttempts = 40;

/** The hierarchies of this machine. @throws `GantryError` unavailable `cgroups-missing` */
export async function findCgroups(): Promise<CgroupHost> {
  return cgroupHost(await detectCgroups());
}

/** The groups of one engine's containers. */
export class CgroupTree {
  readonly host: CgroupHost;
  /** Parent of all groups for which no other was asked. */
  readonly #own: string;
  readonly #prepared = new Map<string, Promise<void>>();

  constructor(host: CgroupHost, instance: string) {
    this.host = host;
    this.#own = `/gantry-${instance}`;
  }

  /** The path of a group by its name, under its parent. @throws `GantryError` invalid `cgroup-parent-invalid` */
  path(name: string, parent: string | undefined): string {
    return `${parent === undefined || parent === '' ? this.#own : cgroupPath(parent)}/${name}`;
  }

  place(path: string): CgroupPlace {
    return placeOf(this.host, path);
  }

  /**
   * Makes the folders above a group, so that the group itself can be made by one mkdir in each hierarchy and has its
   * controllers.
   *
   * @throws `GantryError` unavailable `cgroup-parent-unusable`
   */
  async prepareParent(path: string): Promise<void> {
    const parent = path.slice(0, path.lastIndexOf('/'));
    const known = this.#prepared.get(parent);
    if (known !== undefined && (await this.#exists(parent))) return known;
    const work = this.#prepare(parent);
    this.#prepared.set(parent, work);
    try {
      await work;
    } catch (error) {
      this.#prepared.delete(parent);
      throw error;
    }
  }

  /** What a keeper is told of its group. */
  keeper(path: string): KeeperCgroup {
    const { dirs, v1, v2 } = this.place(path);
    return { mkdir: dirs, write: [], procs: v1.map(({ dir }) => `${dir}/cgroup.procs`), ...(v2 === undefined ? {} : { v2: v2.dir }) };
  }

  /** Where kills for want of memory are told; undefined where memory is not accounted for. */
  oom(path: string): OomSource | undefined {
    const memory = controllerDir(this.place(path), 'memory');
    if (memory === undefined) return undefined;
    return memory.version === 1 ? { v1: { control: `${memory.dir}/memory.oom_control` } } : { v2: `${memory.dir}/memory.events` };
  }

  /** All processes of a group. */
  async pids(path: string): Promise<number[]> {
    const place = this.place(path);
    const dir = controllerDir(place, 'pids')?.dir ?? place.dirs[0];
    return dir === undefined ? [] : processes(dir);
  }

  /** Removes a group whose keeper is gone; absent is fine. @throws `GantryError` conflict `cgroup-busy` */
  async remove(path: string): Promise<void> {
    await Promise.all(this.place(path).dirs.map((dir) => removeGroup(dir)));
  }

  /** Removes this engine's own parent if nothing is left in it. */
  async removeOwn(): Promise<void> {
    this.#prepared.clear();
    await Promise.all(this.place(this.#own).dirs.map(async (dir) => {
      try {
        await rmdir(dir);
      } catch (error) {
        if (!isAbsent(error) && !isBusy(error)) throw error;
      }
    }));
  }

  async #exists(path: string): Promise<boolean> {
    const [dir] = this.place(path).dirs;
    if (dir === undefined) return true;
    try {
      await access(dir);
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  async #prepare(parent: string): Promise<void> {
    try {
      await Promise.all([...this.host.v1.map(({ mount, controllers }) => prepareV1(mount, parent, controllers.includes('cpuset'))), this.host.v2 === undefined ? undefined : prepareV2(this.host.v2, parent)]);
    } catch (error) {
      throw new GantryError('unavailable', 'cgroup-parent-unusable', `The control group ${parent} can not be used: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
        details: { parent, errno: errnoOf(error) },
      });
    }
  }
}

/** All paths on the way down: `/a`, `/a/b`. */
function steps(path: string): string[] {
  const parts = path.split('/').slice(1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

async function prepareV1(mount: string, parent: string, cpuset: boolean): Promise<void> {
  for (const step of steps(parent)) {
    const dir = mount + step;
    await makeDir(dir);
    // A new cpuset is empty, and takes no process until both lists are filled; what is made below then inherits them.
    if (cpuset) await inheritCpuset(dir);
  }
}

async function inheritCpuset(dir: string): Promise<void> {
  const above = dir.slice(0, dir.lastIndexOf('/'));
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if ((await readFile(`${dir}/${file}`, 'utf8')).trim() !== '') continue;
    await writeFile(`${dir}/${file}`, (await readFile(`${above}/${file}`, 'utf8')).trim());
  }
  await writeFile(`${dir}/cgroup.clone_children`, '1');
}

async function prepareV2({ mount, controllers }: { readonly mount: string; readonly controllers: readonly string[] }, parent: string): Promise<void> {
  const enable = wanted.filter((name) => controllers.includes(name));
  for (const step of ['', ...steps(parent)]) {
    const dir = mount + step;
    if (step !== '') await makeDir(dir);
    const active = (await readFile(`${dir}/cgroup.subtree_control`, 'utf8')).split(/\s+/);
    const missing = enable.filter((name) => !active.includes(name));
    if (missing.length > 0) await writeFile(`${dir}/cgroup.subtree_control`, missing.map((name) => `+${name}`).join(' '));
  }
}

async function makeDir(dir: string): Promise<void> {
  try {
    await mkdir(dir);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

async function removeGroup(dir: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await rmdir(dir);
      return;
    } catch (error) {
      if (isAbsent(error)) return;
      if (!isBusy(error)) throw error;
      if (attempt === removeAttempts) {
        throw new GantryError('conflict', 'cgroup-busy', `The control group ${dir} still has processes or groups in it`, { cause: error, details: { dir } });
      }
      await sleep(25);
    }
  }
}

function isBusy(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'EBUSY' || errno === 'ENOTEMPTY';
}

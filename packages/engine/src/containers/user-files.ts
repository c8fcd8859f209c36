import type { Host } from '@gantry/driver-api';
import { isGantryError } from '@gantry/errors';
import { resolveUser, userFileMaxBytes, type ResolvedUser } from '@gantry/oci';
import { randomToken } from '../util/ids.ts';

/** Images whose files are remembered. */
const remembered = 128;

interface Files {
  readonly passwd: Uint8Array;
  readonly group: Uint8Array;
}

export interface UserQuery {
  /** As of `ProcessConfig.user`. */
  readonly user: string;
  readonly groupAdd: readonly string[];
  /** The tree, mounted on the containers' machine. */
  readonly root: string;
  /** Chain ID of the layers, if nothing was written above them yet: what was read for one container then serves the next. */
  readonly pristine: string | undefined;
}

/** Looks users up in the files of a container's own tree, through the host's helper: the engine never opens a path there. */
export class UserFiles {
  readonly #host: Host;
  readonly #session: string;
  readonly #cache = new Map<string, Promise<Files>>();

  constructor(host: Host, session: string) {
    this.#host = host;
    this.#session = session;
  }

  /** @throws GantryError invalid: there is no such user or group; exhausted: a file is too large. */
  async resolve({ user, groupAdd, root, pristine }: UserQuery): Promise<ResolvedUser> {
    const { passwd, group } = await this.#files(root, pristine);
    return resolveUser(user, passwd, group, groupAdd);
  }

  async #files(root: string, pristine: string | undefined): Promise<Files> {
    if (pristine === undefined) return this.#read(root);
    const known = this.#cache.get(pristine);
    if (known !== undefined) {
      // The least recently used one is the first.
      this.#cache.delete(pristine);
      this.#cache.set(pristine, known);
      return known;
    }
    const reading = this.#read(root);
    this.#cache.set(pristine, reading);
    reading.catch(() => this.#cache.delete(pristine));
    const [oldest] = this.#cache.keys();
    if (this.#cache.size > remembered && oldest !== undefined) this.#cache.delete(oldest);
    return reading;
  }

  async #read(root: string): Promise<Files> {
    const tree = `tmp:${this.#session}:users-${randomToken()}`;
    await this.#host.openTree(tree, { root, mounts: [], readOnly: true });
    try {
      const [passwd, group] = await Promise.all([this.#file(tree, '/etc/passwd'), this.#file(tree, '/etc/group')]);
      return { passwd, group };
    } finally {
      await this.#host.closeTree(tree);
    }
  }

  async #file(tree: string, path: string): Promise<Uint8Array> {
    try {
      return await this.#host.readFile({ tree, path }, { max: userFileMaxBytes });
    } catch (error) {
      // Neither a file nor a name in it: numbers still work, and that is all such an image can mean.
      if (isGantryError(error) && (error.kind === 'notFound' || error.kind === 'invalid')) return new Uint8Array();
      throw error;
    }
  }
}

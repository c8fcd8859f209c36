import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hash, randomBytes } from 'node:crypto';
import { GantryError } from '@gantry/errors';
import { isAbsent } from './guard.ts';

/**
 * Compiled seccomp filters of living containers by the hash of their bytes: an exec, also after the daemon was started
 * anew or updated, runs under the very filter of its container. A host has a handful.
 */
export class ProgramStore {
  readonly #folder: string;
  readonly #known = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Deletes what no container needs any more. */
  async open(needed: ReadonlySet<string>): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#folder)) {
      if (needed.has(name)) this.#known.add(name);
      else await rm(`${this.#folder}/${name}`, { force: true });
    }
  }

  /** @returns its name */
  async put(bpf: Uint8Array): Promise<string> {
    const name = hash('sha256', bpf);
    if (this.#known.has(name)) return name;
    const temporary = `${this.#folder}/${name}.${randomBytes(6).toString('hex')}`;
    await writeFile(temporary, bpf, { mode: 0o600 });
    await rename(temporary, `${this.#folder}/${name}`);
    this.#known.add(name);
    return name;
  }

  /** @throws `GantryError` dataLoss `seccomp-program-lost`: then nothing may run, since it would run unconfined */
  async get(name: string): Promise<Uint8Array> {
    const bpf = await this.#read(name);
    if (bpf !== undefined && hash('sha256', bpf) === name) return bpf;
    throw new GantryError('dataLoss', 'seccomp-program-lost', 'The seccomp filter of the container is gone or damaged, so nothing more may be run in it: start the container anew', { details: { name } });
  }

  async #read(name: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(`${this.#folder}/${name}`);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }
}

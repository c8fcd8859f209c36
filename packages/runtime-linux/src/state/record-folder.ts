import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { isAbsent } from './guard.ts';

/** What a folder of records holds under one id: the record, or nothing that can be read. */
export type Loaded<T> = { readonly id: string; readonly record: T } | { readonly id: string; readonly damaged: true };

/**
 * Small records by id, one file each, replaced as a whole by a rename: a process that is killed leaves the old one or
 * the new one. They are not synced, since what they describe does not outlive the machine either.
 */
export class RecordFolder<T extends { readonly id: string }> {
  readonly #folder: string;
  readonly #parse: (value: unknown) => T | undefined;

  constructor(folder: string, parse: (value: unknown) => T | undefined) {
    this.#folder = folder;
    this.#parse = parse;
  }

  /** Makes the folder, and sweeps what an interrupted `set` left. */
  async open(): Promise<Loaded<T>[]> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const names = await readdir(this.#folder);
    const loaded = await Promise.all(names.map(async (name): Promise<Loaded<T>[]> => {
      const path = `${this.#folder}/${name}`;
      if (!name.endsWith('.json')) {
        await rm(path, { force: true });
        return [];
      }
      const id = name.slice(0, -'.json'.length);
      const record = this.#read(await readFile(path, 'utf8'));
      return [record?.id === id ? { id, record } : { id, damaged: true }];
    }));
    return loaded.flat();
  }

  async set(record: T): Promise<void> {
    const path = this.#path(record.id);
    const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
    await writeFile(temporary, JSON.stringify(record), { mode: 0o600 });
    await rename(temporary, path);
  }

  async delete(id: string): Promise<void> {
    await rm(this.#path(id), { force: true });
  }

  #path(id: string): string {
    return `${this.#folder}/${id}.json`;
  }

  #read(text: string): T | undefined {
    try {
      return this.#parse(JSON.parse(text));
    } catch {
      return undefined; // told to the caller as damaged
    }
  }
}

/** A file that may be absent, as JSON; undefined: absent, or no JSON. */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // it is being replaced, or a crash of the machine cut it
  }
}

import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { GantryError } from '@gantry/errors';
import { isAbsent } from './segments.ts';

/** Where the log of a container is: the engine says it once, in `sink()`, and later asks by id alone. */
export interface LogRecord {
  readonly id: string;
  readonly path: string;
}

const suffix = '.json';

/** One small file for each container with a log, replaced as a whole. */
export class LogRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async get(id: string): Promise<LogRecord | undefined> {
    const text = await read(this.#path(id));
    return text === undefined ? undefined : parse(text, id);
  }

  async set(record: LogRecord): Promise<void> {
    const path = this.#path(record.id);
    const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
    await writeFile(temporary, JSON.stringify(record), { mode: 0o600 });
    await rename(temporary, path);
  }

  async delete(id: string): Promise<void> {
    await rm(this.#path(id), { force: true });
  }

  /** What is there; a record that can't be read has no path. */
  async *list(): AsyncGenerator<{ readonly id: string; readonly path?: string }> {
    for (const name of await readdir(this.#folder)) {
      if (!name.endsWith(suffix)) continue;
      const id = name.slice(0, -suffix.length);
      const text = await read(`${this.#folder}/${name}`);
      if (text === undefined) continue;
      const record = parse(text, id);
      yield record ?? { id };
    }
  }

  /** Removes what an interrupted `set` left. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (name.endsWith('.tmp')) await rm(`${this.#folder}/${name}`, { force: true });
    }
  }

  #path(id: string): string {
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(id)) {
      throw new GantryError('invalid', 'log-id-invalid', `${JSON.stringify(id)} is no id of a container: it must be up to 128 letters, digits, "_", "." and "-"`);
    }
    return `${this.#folder}/${id}${suffix}`;
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function parse(text: string, id: string): LogRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // reported by check()
  }
  if (typeof value !== 'object' || value === null || !('path' in value) || typeof value.path !== 'string' || !value.path.startsWith('/')) return undefined;
  return { id, path: value.path };
}

import { rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Call, DriverContext, LogDriver, LogEntry, LogQuery, LogSink, LogTarget, Strings } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { ioError } from './io-error.ts';
import { parseLimits, type LogFileOptions } from './options.ts';
import { readLog } from './read.ts';
import type { LogRecords } from './records.ts';
import { isAbsent, paths, segments } from './segments.ts';

/** Logs as files of JSON lines, written by the keepers and read here. See `LogDriver` for what each method promises. */
export class FileLogs implements LogDriver {
  readonly name = 'json-file';
  readonly domain: string;
  readonly capabilities = { by: 'keeper', read: true } as const;
  readonly #context: DriverContext;
  readonly #options: LogFileOptions;
  readonly #records: LogRecords;

  constructor(context: DriverContext, options: LogFileOptions, records: LogRecords) {
    this.domain = context.domain;
    this.#context = context;
    this.#options = options;
    this.#records = records;
  }

  async validate(options: Strings): Promise<void> {
    await Promise.resolve(parseLimits(options, this.#options));
  }

  async sink(target: LogTarget): Promise<LogSink> {
    const limits = parseLimits(target.options, this.#options);
    if (!target.dir.startsWith('/')) throw new GantryError('invalid', 'log-dir-invalid', `the folder of a log must be an absolute path, and is ${JSON.stringify(target.dir)}`);
    const path = `${target.dir.replace(/\/+$/, '')}/${target.id}-json.log`;
    await this.#io('Noting where the log is', () => this.#records.set({ id: target.id, path }));
    return { format: 'json-file', path, attrs: target.attrs, ...limits };
  }

  write(): Promise<void> {
    return Promise.reject(new GantryError('notImplemented', 'log-write-unsupported', 'json-file logs are written by the keepers: write() is for drivers with by "engine"'));
  }

  async *read(id: string, query: LogQuery, o: Call = {}): AsyncGenerator<LogEntry> {
    try {
      const record = await this.#records.get(id);
      if (record === undefined) return;
      yield* readLog(record.path, query, {
        signal: o.signal,
        onDamage: (lines) => {
          this.#context.log.warn({ id, path: record.path, lines }, 'the log has lines that are no entries');
        },
      });
    } catch (error) {
      throw ioError(error, `Reading the log of ${id}`);
    }
  }

  async usage(id: string): Promise<{ bytes: number }> {
    return this.#io(`Measuring the log of ${id}`, async () => {
      const record = await this.#records.get(id);
      if (record === undefined) return { bytes: 0 };
      return { bytes: (await segments(record.path)).reduce((sum, { size }) => sum + size, 0) };
    });
  }

  async remove(id: string): Promise<void> {
    await this.#io(`Removing the log of ${id}`, async () => {
      const record = await this.#records.get(id);
      if (record !== undefined) {
        for (const path of await paths(record.path)) await rm(path, { force: true });
      }
      await this.#records.delete(id); // last: until then a repeated remove() still finds the files
    });
  }

  status(): Promise<[string, string][]> {
    const { maxBytes, maxFiles } = parseLimits({}, this.#options);
    return Promise.resolve([['Limit', maxBytes === 0 ? 'none' : `${maxFiles} files of ${maxBytes} bytes`]]);
  }

  async *check(o: Call & { repair?: boolean } = {}): AsyncGenerator<{ id: string; code: string; message: string; repaired: boolean }> {
    const repaired = o.repair ?? false;
    for await (const { id, path } of this.#records.list()) {
      o.signal?.throwIfAborted();
      const problem = path === undefined ? { code: 'log-record-damaged', message: `it is not known where the log of ${id} is` } : await this.#missingFolder(id, path);
      if (problem === undefined) continue;
      if (repaired) await this.#records.delete(id);
      yield { id, ...problem, repaired };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is held between calls.
  }

  async #io<T>(doing: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw ioError(error, doing);
    }
  }

  async #missingFolder(id: string, path: string): Promise<{ readonly code: string; readonly message: string } | undefined> {
    try {
      await stat(dirname(path));
      return undefined;
    } catch (error) {
      if (!isAbsent(error)) throw error;
      return { code: 'log-folder-missing', message: `the folder of the log of ${id} is gone: ${dirname(path)}` };
    }
  }
}

import { mkdir } from 'node:fs/promises';
import { definePlugin, type Plugin } from '@gantry/driver-api';
import { toGantryError } from '@gantry/errors';
import { FileLogs } from './driver.ts';
import { parseLimits, type LogFileOptions } from './options.ts';
import { LogRecords } from './records.ts';

/** The log driver `json-file`. */
export const plugin: Plugin<'log', LogFileOptions> = definePlugin<'log', LogFileOptions>({
  kind: 'log',
  name: 'json-file',
  optionsSchema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      maxSize: { type: 'string', description: 'Size at which a log is rotated, such as 10m; -1: never' },
      maxFile: { type: 'integer', minimum: 1, maximum: 10_000, description: 'Files kept, the current one included' },
    },
  },
  probe: (_context, options) => {
    try {
      parseLimits({}, options);
      return Promise.resolve({ ok: true });
    } catch (error) {
      return Promise.resolve({ ok: false, reason: toGantryError(error).message });
    }
  },
  open: async (context, options) => {
    await mkdir(context.stateDir, { recursive: true, mode: 0o700 });
    const records = new LogRecords(context.stateDir);
    await records.sweep();
    return new FileLogs(context, options, records);
  },
});

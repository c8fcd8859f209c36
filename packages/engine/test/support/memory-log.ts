import { setTimeout as delay } from 'node:timers/promises';
import type { LogDriver } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { nothing, type World } from './world.ts';

/** The log seam over a `World`. */
export function memoryLog(world: World, generation: number): LogDriver {
  return {
    name: 'memory-log',
    domain: 'local',
    capabilities: { by: 'keeper', read: true },
    status: async () => [],
    check: nothing,
    async validate(options) {
      const [unknown] = Object.keys(options).filter((name) => name !== 'labels' && name !== 'max-size');
      if (unknown !== undefined) throw new GantryError('invalid', 'log-option-invalid', `unknown log opt '${unknown}'`);
    },
    sink: async ({ id, dir, attrs }) => ({ format: 'json-file', path: `${dir}/${id}-json.log`, maxBytes: 0, maxFiles: 1, attrs, full: 'block', bufferBytes: 1024 }),
    write: () => Promise.reject(new GantryError('notImplemented', 'unused', 'by keeper')),
    async *read(id, query, o = {}) {
      const entries = world.logs.get(id) ?? [];
      const wanted = (at: string): boolean => (query.until === undefined || at < query.until) && (query.since === undefined || at >= query.since);
      let at = query.tail === undefined ? 0 : Math.max(0, entries.length - query.tail);
      for (;;) {
        for (; at < entries.length; at++) {
          const entry = entries[at];
          if (entry !== undefined && wanted(entry.at) && query.fds.includes(entry.fd)) yield entry;
        }
        if (!query.follow || o.signal?.aborted === true) return;
        await delay(2);
      }
    },
    usage: async () => ({ bytes: 0 }),
    async remove(id) {
      await world.enter(generation, 'log.remove');
      world.logs.delete(id);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

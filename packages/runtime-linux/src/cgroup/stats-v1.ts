import type { Stats } from '@gantry/driver-api';
import { keyed, single, type ReadController } from './files.ts';

/** Without a limit the file reads 2^63 rounded down to a page. */
const noLimit = 2 ** 62;

export async function v1Cpu(read: ReadController): Promise<Stats['cpu']> {
  const [usage, user, system, perCpu, stat] = await Promise.all([
    read('cpuacct', 'cpuacct.usage'),
    read('cpuacct', 'cpuacct.usage_user'),
    read('cpuacct', 'cpuacct.usage_sys'),
    read('cpuacct', 'cpuacct.usage_percpu'),
    read('cpu', 'cpu.stat'),
  ]);
  const throttling = keyed(stat);
  const perCpuNs = perCpu?.trim().split(/\s+/).map(Number);
  return {
    ns: single(usage) ?? 0,
    userNs: single(user) ?? 0,
    systemNs: single(system) ?? 0,
    ...(perCpuNs === undefined ? {} : { perCpuNs }),
    periods: throttling.get('nr_periods') ?? 0,
    throttled: throttling.get('nr_throttled') ?? 0,
    throttledNs: throttling.get('throttled_time') ?? 0,
  };
}

export async function v1Memory(read: ReadController): Promise<Stats['memory']> {
  const [usage, limit, peak, stat] = await Promise.all([
    read('memory', 'memory.usage_in_bytes'),
    read('memory', 'memory.limit_in_bytes'),
    read('memory', 'memory.max_usage_in_bytes'),
    read('memory', 'memory.stat'),
  ]);
  const bytes = single(limit) ?? Infinity;
  const highest = single(peak);
  return { bytes: single(usage) ?? 0, limit: bytes > noLimit ? Infinity : bytes, ...(highest === undefined ? {} : { peak: highest }), stat: Object.fromEntries(keyed(stat)) };
}

export async function v1Io(read: ReadController): Promise<Stats['io']> {
  const [bytes, counts] = await Promise.all([firstOf(read, 'io_service_bytes_recursive'), firstOf(read, 'io_serviced_recursive')]);
  return parseV1Io(bytes, counts);
}

/** BFQ keeps the numbers of devices that it schedules, the throttle of all others. */
async function firstOf(read: ReadController, name: string): Promise<string | undefined> {
  const throttle = await read('blkio', `blkio.throttle.${name}`);
  if (throttle !== undefined && /^\d/.test(throttle)) return throttle;
  return read('blkio', `blkio.bfq.${name}`);
}

/** Lines of `major:minor operation number`; `Total` lines are sums of the others. */
export function parseV1Io(bytes: string | undefined, counts: string | undefined): Stats['io'] {
  const entries = new Map<string, { major: number; minor: number; op: string; bytes: number; count: number }>();
  const collect = (text: string | undefined, field: 'bytes' | 'count'): void => {
    for (const line of (text ?? '').split('\n')) {
      const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
      const [, major, minor, op, value] = match ?? [];
      if (op === undefined || op === 'Total') continue;
      const key = `${major}:${minor} ${op}`;
      const entry = entries.get(key) ?? { major: Number(major), minor: Number(minor), op: op.toLowerCase(), bytes: 0, count: 0 };
      entry[field] = Number(value);
      entries.set(key, entry);
    }
  };
  collect(bytes, 'bytes');
  collect(counts, 'count');
  return [...entries.values()];
}

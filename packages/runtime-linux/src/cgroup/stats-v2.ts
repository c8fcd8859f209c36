import type { Stats } from '@gantry/driver-api';
import { keyed, readCgroupFile, single, type ReadController } from './files.ts';

/** cpu.stat is there without the cpu controller too; its times are in microseconds. */
export async function v2Cpu(dir: string | undefined): Promise<Stats['cpu']> {
  const stat = keyed(dir === undefined ? undefined : await readCgroupFile(`${dir}/cpu.stat`));
  const micro = (name: string): number => (stat.get(name) ?? 0) * 1000;
  return {
    ns: micro('usage_usec'),
    userNs: micro('user_usec'),
    systemNs: micro('system_usec'),
    periods: stat.get('nr_periods') ?? 0,
    throttled: stat.get('nr_throttled') ?? 0,
    throttledNs: micro('throttled_usec'),
  };
}

export async function v2Memory(read: ReadController): Promise<Stats['memory']> {
  const [usage, limit, peak, stat] = await Promise.all([
    read('memory', 'memory.current'),
    read('memory', 'memory.max'),
    read('memory', 'memory.peak'), // since 5.19
    read('memory', 'memory.stat'),
  ]);
  const highest = single(peak);
  return { bytes: single(usage) ?? 0, limit: single(limit) ?? Infinity, ...(highest === undefined ? {} : { peak: highest }), stat: Object.fromEntries(keyed(stat)) };
}

export async function v2Io(read: ReadController): Promise<Stats['io']> {
  return parseV2Io(await read('io', 'io.stat'));
}

const operations = [
  { op: 'read', bytes: 'rbytes', count: 'rios' },
  { op: 'write', bytes: 'wbytes', count: 'wios' },
  { op: 'discard', bytes: 'dbytes', count: 'dios' },
] as const;

/** Lines of `major:minor rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`. */
export function parseV2Io(text: string | undefined): Stats['io'] {
  return (text ?? '').split('\n').flatMap((line) => {
    const [device, ...pairs] = line.trim().split(' ');
    const match = /^(\d+):(\d+)$/.exec(device ?? '');
    if (match === null) return [];
    const value = (name: string): number => Number(pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? 0);
    return operations.map(({ op, bytes, count }) => ({ major: Number(match[1]), minor: Number(match[2]), op, bytes: value(bytes), count: value(count) }));
  });
}

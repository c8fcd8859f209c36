import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { CgroupPlace } from '../../src/cgroup/hierarchy.ts';
import { processes } from '../../src/cgroup/files.ts';
import { readStats } from '../../src/cgroup/stats.ts';
import { parseV1Io } from '../../src/cgroup/stats-v1.ts';
import { parseV2Io } from '../../src/cgroup/stats-v2.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folder(files: Record<string, string>): string {
  const dir = mkdtempSync('/tmp/gantry-test-stats-');
  folders.push(dir);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(`${dir}/${name}`.replace(/\/[^/]*$/, ''), { recursive: true });
    writeFileSync(`${dir}/${name}`, content);
  }
  return dir;
}

describe('readStats', () => {
  it('reads version 1', async () => {
    const dir = folder({
      'cpuacct.usage': '3000\n',
      'cpuacct.usage_user': '2000\n',
      'cpuacct.usage_sys': '1000\n',
      'cpuacct.usage_percpu': '1000 2000 \n',
      'cpu.stat': 'nr_periods 5\nnr_throttled 2\nthrottled_time 77\n',
      'memory.usage_in_bytes': '4096\n',
      'memory.limit_in_bytes': '8192\n',
      'memory.max_usage_in_bytes': '5000\n',
      'memory.stat': 'cache 1\nrss 2\n',
      'pids.current': '3\n',
      'pids.max': '10\n',
      'blkio.throttle.io_service_bytes_recursive': '254:0 Read 10\n254:0 Write 20\n254:0 Total 30\nTotal 30\n',
      'blkio.throttle.io_serviced_recursive': '254:0 Read 1\n254:0 Write 2\n254:0 Total 3\nTotal 3\n',
    });
    const place: CgroupPlace = { mode: 'v1', dirs: [dir], v1: [{ controllers: ['cpu', 'cpuacct', 'memory', 'pids', 'blkio'], dir }] };
    expect(await readStats(place, 'now')).toEqual({
      at: 'now',
      cpu: { ns: 3000, userNs: 2000, systemNs: 1000, perCpuNs: [1000, 2000], periods: 5, throttled: 2, throttledNs: 77 },
      memory: { bytes: 4096, limit: 8192, peak: 5000, stat: { cache: 1, rss: 2 } },
      pids: { now: 3, limit: 10 },
      io: [
        { major: 254, minor: 0, op: 'read', bytes: 10, count: 1 },
        { major: 254, minor: 0, op: 'write', bytes: 20, count: 2 },
      ],
    });
  });

  it('reads version 2', async () => {
    const dir = folder({
      'cpu.stat': 'usage_usec 3\nuser_usec 2\nsystem_usec 1\nnr_periods 5\nnr_throttled 2\nthrottled_usec 7\n',
      'memory.current': '4096\n',
      'memory.max': 'max\n',
      'memory.peak': '5000\n',
      'memory.stat': 'anon 1\nfile 2\n',
      'pids.current': '3\n',
      'pids.max': 'max\n',
      'io.stat': '8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n',
    });
    const place: CgroupPlace = { mode: 'v2', dirs: [dir], v1: [], v2: { dir, controllers: ['memory', 'pids', 'io'] } };
    expect(await readStats(place, 'now')).toEqual({
      at: 'now',
      cpu: { ns: 3000, userNs: 2000, systemNs: 1000, periods: 5, throttled: 2, throttledNs: 7000 },
      memory: { bytes: 4096, limit: Infinity, peak: 5000, stat: { anon: 1, file: 2 } },
      pids: { now: 3 },
      io: [
        { major: 8, minor: 0, op: 'read', bytes: 1, count: 3 },
        { major: 8, minor: 0, op: 'write', bytes: 2, count: 4 },
        { major: 8, minor: 0, op: 'discard', bytes: 5, count: 6 },
      ],
    });
  });

  it('reads zeros where nothing is accounted for', async () => {
    const dir = folder({});
    const stats = await readStats({ mode: 'v1', dirs: [dir], v1: [{ controllers: ['memory'], dir }] }, 'now');
    expect(stats).toMatchObject({ cpu: { ns: 0 }, memory: { bytes: 0, limit: Infinity, stat: {} }, pids: { now: 0 }, io: [] });
  });

  it('takes the limit that version 1 shows without one for none', async () => {
    const dir = folder({ 'memory.limit_in_bytes': '9223372036854771712\n' });
    const stats = await readStats({ mode: 'v1', dirs: [dir], v1: [{ controllers: ['memory'], dir }] }, 'now');
    expect(stats.memory.limit).toBe(Infinity);
  });
});

describe('io parsers', () => {
  it('skip what they do not know', () => {
    expect(parseV1Io('Total 0\n', undefined)).toEqual([]);
    expect(parseV1Io('garbage\n1:2 Read x\n', '1:2 Async 4\n')).toEqual([{ major: 1, minor: 2, op: 'async', bytes: 0, count: 4 }]);
    expect(parseV2Io('8:0\n\n(unknown) rbytes=1\n')).toMatchObject([{ op: 'read', bytes: 0 }, { op: 'write', bytes: 0 }, { op: 'discard', bytes: 0 }]);
  });
});

describe('processes', () => {
  it('are those of the group and of all below it, each once', async () => {
    const dir = folder({ 'cgroup.procs': '1\n2\n', 'a/cgroup.procs': '3\n', 'a/b/cgroup.procs': '2\n4\n0\n' });
    expect((await processes(dir)).sort()).toEqual([1, 2, 3, 4]);
    expect(await processes(`${dir}/gone`)).toEqual([]);
  });
});

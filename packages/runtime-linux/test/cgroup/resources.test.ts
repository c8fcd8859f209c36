import { describe, expect, it } from 'vitest';
import type { OciResources } from '@gantry/oci';
import { placeOf, type CgroupHost } from '../../src/cgroup/hierarchy.ts';
import { resourceWrites, type CurrentLimits } from '../../src/cgroup/resources.ts';
import { blkioToIoWeight, sharesToWeight } from '../../src/cgroup/resources-v2.ts';

const controllers = ['memory', 'cpu', 'cpuset', 'pids', 'blkio'];
const v1: CgroupHost = { mode: 'v1', v1: controllers.map((name) => ({ controllers: [name], mount: `/${name}` })), v2: { mount: '/u', controllers: ['hugetlb'] } };
const v2: CgroupHost = { mode: 'v2', v1: [], v2: { mount: '/u', controllers: ['memory', 'cpu', 'cpuset', 'pids', 'io', 'hugetlb'] } };

function writes(host: CgroupHost, resources: OciResources, current: CurrentLimits = {}, has: (path: string) => boolean = () => true): string[] {
  return resourceWrites(placeOf(host, '/g'), resources, { current, has }).map(({ path, data }) => `${path}=${data}`);
}

describe('version 1', () => {
  it.each<[OciResources, string[]]>([
    [{}, []],
    [{ memory: { limit: 0, swap: 0, reservation: 0 }, cpu: { shares: 0, quota: 0, period: 0, cpus: '' } }, []],
    [{ memory: { limit: 100, swap: 200 } }, ['/memory/g/memory.limit_in_bytes=100', '/memory/g/memory.memsw.limit_in_bytes=200']],
    [{ memory: { limit: 100, swap: -1 } }, ['/memory/g/memory.memsw.limit_in_bytes=-1', '/memory/g/memory.limit_in_bytes=100']],
    [{ memory: { limit: -1 } }, ['/memory/g/memory.limit_in_bytes=-1']],
    [
      { memory: { reservation: 50, swappiness: 0, disableOOMKiller: true } },
      ['/memory/g/memory.soft_limit_in_bytes=50', '/memory/g/memory.swappiness=0', '/memory/g/memory.oom_control=1'],
    ],
    [{ cpu: { shares: 512, quota: 50_000, period: 100_000 } }, ['/cpu/g/cpu.shares=512', '/cpu/g/cpu.cfs_period_us=100000', '/cpu/g/cpu.cfs_quota_us=50000']],
    [{ cpu: { quota: -1 } }, ['/cpu/g/cpu.cfs_quota_us=-1']],
    [{ cpu: { realtimeRuntime: 950_000, realtimePeriod: 1_000_000 } }, ['/cpu/g/cpu.rt_period_us=1000000', '/cpu/g/cpu.rt_runtime_us=950000']],
    [{ cpu: { cpus: '0-2,4', mems: '0' } }, ['/cpuset/g/cpuset.cpus=0-2,4', '/cpuset/g/cpuset.mems=0']],
    [{ pids: { limit: 10 } }, ['/pids/g/pids.max=10']],
    [{ pids: { limit: -1 } }, ['/pids/g/pids.max=max']],
    [{ pids: { limit: 0 } }, ['/pids/g/pids.max=max']],
    [
      { blockIO: { weight: 300, weightDevice: [{ major: 8, minor: 0, weight: 10 }], throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1024 }], throttleWriteIOPSDevice: [{ major: 8, minor: 1, rate: 0 }] } },
      ['/blkio/g/blkio.bfq.weight=300', '/blkio/g/blkio.bfq.weight_device=8:0 10', '/blkio/g/blkio.throttle.read_bps_device=8:0 1024', '/blkio/g/blkio.throttle.write_iops_device=8:1 0'],
    ],
    [{ hugepageLimits: [{ pageSize: '2MB', limit: 4 }] }, ['/u/g/hugetlb.2MB.max=4']],
  ])('%j', (resources, expected) => {
    expect(writes(v1, resources)).toEqual(expected);
  });

  it('writes memory and swap in the order in which neither is ever above the other', () => {
    const resources = { memory: { limit: 300, swap: 400 } };
    const [limit, swap] = ['/memory/g/memory.limit_in_bytes=300', '/memory/g/memory.memsw.limit_in_bytes=400'];
    expect(writes(v1, resources, { memorySwap: 200 })).toEqual([swap, limit]);
    expect(writes(v1, resources, { memorySwap: 500 })).toEqual([limit, swap]);
    expect(writes(v1, resources, { memorySwap: Infinity })).toEqual([limit, swap]);
  });

  it('takes the file that the kernel has', () => {
    const resources = { blockIO: { weight: 300 } };
    expect(writes(v1, resources, {}, (path) => !path.includes('bfq'))).toEqual(['/blkio/g/blkio.weight=300']);
    expect(() => writes(v1, resources, {}, () => false)).toThrow(/linux\.resources\.blockIO\.weight can not be kept: the kernel has no blkio\.bfq\.weight or blkio\.weight/);
  });

  it('says when swap is not accounted for, instead of leaving it out', () => {
    expect(() => writes(v1, { memory: { limit: 1, swap: 2 } }, {}, (path) => !path.includes('memsw'))).toThrow(
      expect.objectContaining({ kind: 'notImplemented', code: 'resource-unsupported', details: { field: 'linux.resources.memory.swap' } }),
    );
  });

  it('has no unified files', () => {
    expect(() => writes(v1, { unified: { 'memory.high': '1' } })).toThrow(/needs a machine with the unified hierarchy/);
  });
});

describe('version 2', () => {
  it.each<[OciResources, string[]]>([
    [{}, []],
    [{ memory: { limit: 100, swap: 250 } }, ['/u/g/memory.swap.max=150', '/u/g/memory.max=100']],
    [{ memory: { limit: 100, swap: 100 } }, ['/u/g/memory.swap.max=0', '/u/g/memory.max=100']],
    [{ memory: { limit: 100, swap: -1, reservation: 50 } }, ['/u/g/memory.swap.max=max', '/u/g/memory.max=100', '/u/g/memory.low=50']],
    [{ memory: { limit: -1 } }, ['/u/g/memory.max=max']],
    [{ cpu: { shares: 1024, quota: 50_000, period: 200_000 } }, ['/u/g/cpu.weight=100', '/u/g/cpu.max=50000 200000']],
    [{ cpu: { quota: -1 } }, ['/u/g/cpu.max=max 100000']],
    [{ cpu: { quota: 20_000 } }, ['/u/g/cpu.max=20000 100000']],
    [{ cpu: { period: 50_000 } }, ['/u/g/cpu.max=max 50000']],
    [{ cpu: { cpus: '1', mems: '0' } }, ['/u/g/cpuset.cpus=1', '/u/g/cpuset.mems=0']],
    [{ pids: { limit: 10 } }, ['/u/g/pids.max=10']],
    [
      { blockIO: { weight: 300, weightDevice: [{ major: 8, minor: 0, weight: 10 }], throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1024 }], throttleWriteIOPSDevice: [{ major: 8, minor: 1, rate: 0 }] } },
      ['/u/g/io.bfq.weight=default 300', '/u/g/io.bfq.weight=8:0 10', '/u/g/io.max=8:0 rbps=1024', '/u/g/io.max=8:1 wiops=max'],
    ],
    [{ hugepageLimits: [{ pageSize: '1GB', limit: 0 }] }, ['/u/g/hugetlb.1GB.max=0']],
    [{ unified: { 'memory.high': '1G', 'io.max': '8:0 rbps=1' } }, ['/u/g/memory.high=1G', '/u/g/io.max=8:0 rbps=1']],
  ])('%j', (resources, expected) => {
    expect(writes(v2, resources)).toEqual(expected);
  });

  it('changes a period or a quota alone without touching the other', () => {
    const current = { cpu: { quota: 30_000, period: 60_000 } };
    expect(writes(v2, { cpu: { period: 50_000 } }, current)).toEqual(['/u/g/cpu.max=30000 50000']);
    expect(writes(v2, { cpu: { quota: 10_000 } }, current)).toEqual(['/u/g/cpu.max=10000 60000']);
  });

  it('converts the weight where the scheduler is not BFQ', () => {
    expect(writes(v2, { blockIO: { weight: 500 } }, {}, (path) => !path.includes('bfq'))).toEqual(['/u/g/io.weight=default 4950']);
  });

  it.each<[OciResources, string]>([
    [{ memory: { swappiness: 10 } }, 'linux.resources.memory.swappiness'],
    [{ memory: { disableOOMKiller: true } }, 'linux.resources.memory.disableOOMKiller'],
    [{ cpu: { realtimeRuntime: 1 } }, 'linux.resources.cpu.realtimeRuntime'],
    [{ cpu: { realtimePeriod: 1 } }, 'linux.resources.cpu.realtimePeriod'],
  ])('says that it has no %j', (resources, field) => {
    expect(() => writes(v2, resources)).toThrow(expect.objectContaining({ kind: 'notImplemented', details: { field } }));
  });

  it.each(['cgroup.procs', '../x.y', 'memory', 'memory.max/..', 'a/b.c', ''])('refuses %j as a unified file', (name) => {
    expect(() => writes(v2, { unified: { [name]: '1' } })).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });
});

describe('both', () => {
  it('name a controller that the machine lacks', () => {
    const host: CgroupHost = { mode: 'v2', v1: [], v2: { mount: '/u', controllers: ['memory'] } };
    expect(() => writes(host, { pids: { limit: 5 } })).toThrow(
      expect.objectContaining({ kind: 'notImplemented', code: 'cgroup-controller-missing', details: { field: 'linux.resources.pids.limit' } }),
    );
  });

  it.each<[OciResources, string]>([
    [{ memory: { limit: -2 } }, 'memory.limit'],
    [{ memory: { limit: 1.5 } }, 'memory.limit'],
    [{ memory: { swap: 5 } }, 'memory.swap'],
    [{ memory: { limit: 10, swap: 5 } }, 'memory.swap'],
    [{ memory: { limit: 10, reservation: 11 } }, 'memory.reservation'],
    [{ memory: { swappiness: 101 } }, 'memory.swappiness'],
    [{ cpu: { shares: -1 } }, 'cpu.shares'],
    [{ cpu: { period: 999 } }, 'cpu.period'],
    [{ cpu: { period: 1_000_001 } }, 'cpu.period'],
    [{ cpu: { quota: 999 } }, 'cpu.quota'],
    [{ cpu: { cpus: '0-' } }, 'cpu.cpus'],
    [{ cpu: { mems: '0\n1' } }, 'cpu.mems'],
    [{ pids: { limit: Number.NaN } }, 'pids.limit'],
    [{ blockIO: { weight: 9 } }, 'blockIO.weight'],
    [{ blockIO: { weightDevice: [{ major: 8, minor: 0, weight: 1001 }] } }, 'blockIO.weightDevice[0].weight'],
    [{ blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: -1 }] } }, 'blockIO.throttleReadBpsDevice[0].rate'],
    [{ blockIO: { throttleReadBpsDevice: [{ major: 5000, minor: 0, rate: 1 }] } }, 'blockIO.throttleReadBpsDevice[0].major'],
    [{ hugepageLimits: [{ pageSize: '../x', limit: 1 }] }, 'hugepageLimits[0].pageSize'],
    [{ hugepageLimits: [{ pageSize: '2MB', limit: -1 }] }, 'hugepageLimits[0].limit'],
  ])('refuse %j before anything is written', (resources, field) => {
    for (const host of [v1, v2]) {
      expect(() => writes(host, resources)).toThrow(expect.objectContaining({ kind: 'invalid', details: { field: `linux.resources.${field}` } }));
    }
  });
});

describe('conversions', () => {
  it.each([
    [2, 1],
    [3, 2],
    [512, 59],
    [1024, 100],
    [2048, 174],
    [262_144, 10_000],
  ])('shares %d are weight %d', (shares, weight) => {
    expect(sharesToWeight(shares)).toBe(weight);
  });

  it.each([
    [10, 1],
    [500, 4950],
    [1000, 10_000],
  ])('block weight %d is io weight %d', (weight, io) => {
    expect(blkioToIoWeight(weight)).toBe(io);
  });
});

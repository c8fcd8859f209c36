import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupFolder, detectCgroups, type CgroupHierarchy } from '../../src/cgroups.ts';
import type { KeeperCgroup, KeeperRequest } from '../../src/index.ts';

/** Groups for one test container in every hierarchy of this machine, and how to limit its memory. */
export interface TestGroups {
  readonly request: Pick<KeeperRequest, 'cgroup' | 'oom'>;
  /** The container's own folders. */
  readonly folders: readonly string[];
  /** Where memory is limited; absent: this machine cannot. */
  readonly memory?: { readonly folder: string; readonly version: 1 | 2 };
}

export async function testGroups(instance: string, name: string, limits: { readonly memory?: number; readonly pids?: number } = {}): Promise<TestGroups> {
  const layout = await detectCgroups();
  const parents: string[] = [];
  const folders: string[] = [];
  const procs: string[] = [];
  const write: { path: string; data: string; optional?: boolean }[] = [];
  let memory: TestGroups['memory'];
  const place = (hierarchy: Pick<CgroupHierarchy, 'mountpoint' | 'root' | 'path'>): string | undefined => {
    const own = cgroupFolder(hierarchy, hierarchy.path);
    if (own === undefined || !existsSync(own)) return undefined;
    const parent = join(own, `gantry-test-${instance}`);
    parents.push(parent);
    folders.push(join(parent, name));
    return join(parent, name);
  };
  for (const hierarchy of layout.v1) {
    const folder = place(hierarchy);
    if (folder === undefined) continue;
    if (hierarchy.controllers.includes('cpuset')) {
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        const { readFileSync } = await import('node:fs');
        const data = readFileSync(join(folder, '../..', file), 'utf8').trim();
        for (const dir of [join(folder, '..'), folder]) write.push({ path: join(dir, file), data });
      }
    }
    if (hierarchy.controllers.includes('memory')) {
      memory = { folder, version: 1 };
      if (limits.memory !== undefined) write.push({ path: join(folder, 'memory.limit_in_bytes'), data: String(limits.memory) });
      if (limits.memory !== undefined) write.push({ path: join(folder, 'memory.memsw.limit_in_bytes'), data: String(limits.memory), optional: true });
    }
    if (hierarchy.controllers.includes('pids') && limits.pids !== undefined) write.push({ path: join(folder, 'pids.max'), data: String(limits.pids) });
    procs.push(join(folder, 'cgroup.procs'));
  }
  let v2: string | undefined;
  if (layout.v2 !== undefined) {
    v2 = place(layout.v2);
    if (v2 !== undefined && layout.mode === 'v2' && layout.v2.controllers.includes('memory')) {
      memory = { folder: v2, version: 2 };
      write.push({ path: join(v2, '../../cgroup.subtree_control'), data: '+memory +pids', optional: true }, { path: join(v2, '../cgroup.subtree_control'), data: '+memory +pids' });
      if (limits.memory !== undefined) write.push({ path: join(v2, 'memory.max'), data: String(limits.memory) });
      if (limits.pids !== undefined) write.push({ path: join(v2, 'pids.max'), data: String(limits.pids) });
    }
  }
  const cgroup: KeeperCgroup = { mkdir: [...new Set(parents), ...folders], write, procs, ...(v2 === undefined ? {} : { v2 }) };
  const oom = memory === undefined ? {} : { oom: memory.version === 1 ? { v1: { control: join(memory.folder, 'memory.oom_control') } } : { v2: join(memory.folder, 'memory.events') } };
  return { request: { cgroup, ...oom }, folders, ...(memory === undefined ? {} : { memory }) };
}

/** Folders of this instance's tests that are there, in all hierarchies. */
export async function leftGroups(instance: string): Promise<string[]> {
  const layout = await detectCgroups();
  const hierarchies = [...layout.v1, ...(layout.v2 === undefined ? [] : [layout.v2])];
  return hierarchies.flatMap((hierarchy) => {
    const own = cgroupFolder(hierarchy, hierarchy.path);
    if (own === undefined || !existsSync(own)) return [];
    return readdirSync(own)
      .filter((name) => name === `gantry-test-${instance}`)
      .map((name) => join(own, name));
  });
}

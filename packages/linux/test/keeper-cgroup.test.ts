import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Keeper, KeeperEvent } from '../src/index.ts';
import { exitOf, pipes, plan, processPlan, runExec, runPlan, runScript, textLike } from './support/plan.ts';
import { leftGroups, testGroups, type TestGroups } from './support/groups.ts';
import { makeWorld, reasonToSkip, until, type World } from './support/world.ts';

const hog = 'x=$(head -c 60000000 /dev/zero | tr "\\0" x); echo survived';
const memoryLimit = 20 * 1024 * 1024;

describe.skipIf(reasonToSkip !== '')(`the control groups of a container ${reasonToSkip}`, () => {
  let world: World;
  let noMemory = false;
  beforeAll(async () => {
    world = await makeWorld();
    noMemory = (await testGroups(world.instance, 'x')).memory === undefined;
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    const left = await leftGroups(world.instance);
    if (left.length > 0) throw new Error(`control groups were left: ${left.join(' ')}`);
  });

  async function limited(name: string, limits: Parameters<typeof testGroups>[2] = {}): Promise<{ keeper: Keeper; groups: TestGroups }> {
    const groups = await testGroups(world.instance, name, limits);
    return { keeper: await world.keeper(groups.request), groups };
  }

  it('hold all its processes, and it sees itself at their root', async () => {
    const { keeper, groups } = await limited('own');
    const { pid } = await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000'])) });
    for (const folder of groups.folders) expect(readFileSync(join(folder, 'cgroup.procs'), 'utf8')).toBe(`${pid}\n`);
    await keeper.start();
    const { stdout } = await runExec(keeper, 'see', processPlan(['sh', '-c', 'cat /proc/self/cgroup; cat /proc/1/cgroup']));
    const paths = stdout.trim().split('\n').map((line) => line.split(':')[2]);
    expect(new Set(paths)).toEqual(new Set(['/']));
    expect(paths.length).toBeGreaterThanOrEqual(2 * groups.folders.length);
    await keeper.delete({ force: true });
    for (const folder of groups.folders) expect(existsSync(folder)).toBe(false);
  });

  it('are removed with what the container made below them', async () => {
    const { keeper, groups } = await limited('nested');
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000'])) });
    const { mkdirSync } = await import('node:fs');
    for (const folder of groups.folders) mkdirSync(join(folder, 'inner/most'), { recursive: true });
    await keeper.delete({ force: true });
    for (const folder of groups.folders) expect(existsSync(folder)).toBe(false);
  });

  it('leave those of others alone', async () => {
    const one = await limited('one');
    const two = await limited('two');
    await one.keeper.delete();
    for (const folder of two.groups.folders) expect(existsSync(folder)).toBe(true);
    expect((await runPlan(two.keeper, plan(world.root, processPlan(['true'])))).exit.code).toBe(0);
    await two.keeper.delete();
    expect(await leftGroups(world.instance)).toEqual([]);
  });

  it('tell of a kill for want of memory', async ({ skip }) => {
    if (noMemory) skip('no memory controller');
    const { keeper } = await limited('oom', { memory: memoryLimit });
    const events: KeeperEvent[] = [];
    const watching = (async () => {
      for await (const event of keeper.watch()) events.push(event);
    })();
    const { stdout, exit } = await runScript(keeper, world.root, hog);
    expect(stdout).toBe('');
    expect(exit).toMatchObject({ code: 137, signal: 9, oomKilled: true });
    await until(() => events.some((event) => event.event === 'oom'), 'the event');
    await keeper.delete();
    await watching;
    expect(events.map((event) => event.event).sort()).toEqual(['exit', 'oom', 'start']);
  });

  it('tell of one in a process that the container outlives', async ({ skip }) => {
    if (noMemory) skip('no memory controller');
    const { keeper } = await limited('oomexec', { memory: memoryLimit });
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000'])) });
    await keeper.start();
    expect((await runExec(keeper, 'hog', processPlan(['sh', '-c', hog]))).exit).toMatchObject({ code: 137, oomKilled: true });
    expect((await runExec(keeper, 'fine', processPlan(['true']))).exit).toMatchObject({ code: 0, oomKilled: false });
    await keeper.kill(9);
    expect(await exitOf(keeper)).toMatchObject({ code: 137, oomKilled: true });
    await keeper.delete();
  });

  it('is not killed for want of memory if it was killed otherwise', async () => {
    const { keeper } = await limited('plain', { memory: memoryLimit });
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000'])) });
    await keeper.start();
    await keeper.kill(9);
    expect(await exitOf(keeper)).toMatchObject({ code: 137, signal: 9, oomKilled: false });
    await keeper.delete();
  });

  it('limit the number of processes', async () => {
    const { keeper } = await limited('pids', { pids: 5 });
    const { stdout, stderr } = await runScript(keeper, world.root, '(for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done) 2>&1; echo ended; kill -9 -1');
    expect(stdout + stderr).toMatch(/can't fork/);
    await keeper.delete();
  });

  it('are written to while it runs', async () => {
    const { keeper, groups } = await limited('write', { pids: 50 });
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000'])) });
    const file = groups.folders.map((folder) => join(folder, 'pids.max')).find((path) => existsSync(path));
    if (file !== undefined) {
      await keeper.write([{ path: file, data: '77' }]);
      expect(readFileSync(file, 'utf8')).toBe('77\n');
    }
    await keeper.write([{ path: join(groups.folders[0] ?? '', 'no.such.file'), data: 'x', optional: true }]);
    const { failure } = await import('./support/plan.ts');
    expect(await failure(keeper.write([{ path: join(groups.folders[0] ?? '', 'no.such.file'), data: 'x' }]))).toMatchObject({ code: 'native-os' });
    expect(existsSync(join(groups.folders[0] ?? '', 'no.such.file'))).toBe(false);
    await keeper.delete({ force: true });
  });

  it('let a signal reach all of it', async () => {
    const { keeper, groups } = await limited('all');
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sh', '-c', "trap 'exit 5' TERM; sleep 1000 & sleep 1000 & while :; do sleep 0.05; done"])) });
    await keeper.start();
    const procs = join(groups.folders[0] ?? '', 'cgroup.procs');
    await until(() => readFileSync(procs, 'utf8').split('\n').length > 3, 'its processes');
    await keeper.kill(15, { all: true });
    expect(await exitOf(keeper)).toMatchObject({ code: 5 });
    await keeper.delete();
  });

  it('end what a container without a PID namespace has left behind', async () => {
    const groups = await testGroups(world.instance, 'hostpid');
    const keeper = await world.keeper({ ...groups.request, namespaces: ['mount', 'net', 'ipc', 'uts', 'cgroup'] });
    const { stdout, exit } = await runScript(keeper, world.root, 'sleep 1000 & echo started; exit 4');
    expect(stdout).toBe('started\n');
    expect(exit).toMatchObject({ code: 4 });
    for (const folder of groups.folders) await until(() => readFileSync(join(folder, 'cgroup.procs'), 'utf8') === '', 'nobody is left');
    await keeper.delete();
  });

  it('are put away when the setting up fails', async () => {
    const groups = await testGroups(world.instance, 'fails');
    const { failure } = await import('./support/plan.ts');
    const cgroup = { ...groups.request.cgroup, mkdir: groups.request.cgroup?.mkdir ?? [], procs: groups.request.cgroup?.procs ?? [], write: [{ path: join(groups.folders[0] ?? '', 'no.such.file'), data: 'x' }] };
    expect(await failure(world.keeper({ cgroup }))).toMatchObject({ code: 'native-os', details: { errno: textLike(/EACCES|ENOENT|EPERM/) } });
    expect(await leftGroups(world.instance)).toEqual([]);
  });
});

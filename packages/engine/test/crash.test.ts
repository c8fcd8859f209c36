import { describe, expect, it } from 'vitest';
import type { ContainerState, ContainerSummary, Engine } from '../src/index.ts';
import { Bench, eventsOf } from './support/engine.ts';
import type { World } from './support/world.ts';

/** What a client was told before the engine ended: it must hold for ever. */
type Told = Set<'created' | 'started' | 'stopped' | 'removed'>;

async function life(engine: Engine, told: Told, autoRemove: boolean): Promise<void> {
  const { containers } = engine;
  await containers.create({ image: 'app:1', name: 'subject', cmd: ['sleep'], autoRemove });
  told.add('created');
  await containers.start('subject');
  told.add('started');
  const gone = containers.wait('subject', { condition: 'removed' });
  gone.catch(() => undefined); // the engine is closed before it is removed
  await containers.stop('subject');
  told.add('stopped');
  if (autoRemove) await gone;
  else await containers.remove('subject');
  told.add('removed');
}

/** The machine has what the containers' states need, and nothing else. */
function consistent(world: World, containers: readonly ContainerSummary[]): void {
  const ids = containers.map(({ id }) => id);
  const running = containers.filter(({ state }) => state.status === 'running').map(({ id }) => id);
  expect([...world.snapshots.keys()]).toEqual(ids);
  expect([...world.folders].filter((id) => id !== 'container-files')).toEqual(ids);
  expect([...new Set([...world.files.keys()].map((path) => path.split('/')[3]))]).toEqual(ids);
  expect([...world.runs.keys()]).toEqual(running);
  expect([...world.sandboxes.keys()]).toEqual(running);
  expect([...world.snapshots.values()].flatMap(({ holders }) => holders)).toEqual(running.map((id) => `container:${id}`));
}

function brokenPromises(told: Told, state: ContainerState | undefined, autoRemove: boolean): string[] {
  if (told.has('removed')) return state === undefined ? [] : ['it was removed, and is there'];
  // What removes itself may be gone as soon as it runs no more.
  if (state === undefined) return told.has('created') && !told.has('stopped') && !autoRemove ? ['it was made, and is not there'] : [];
  if (told.has('stopped')) return state.status === 'exited' && state.exitCode === 143 ? [] : [`it was stopped, and is ${state.status} (${state.exitCode})`];
  return told.has('started') && !['running', 'exited'].includes(state.status) ? [`it was started, and is ${state.status}`] : [];
}

/** Calls that a whole life makes: as many places to end the engine at. */
async function countCalls(autoRemove: boolean): Promise<number> {
  await using bench = await Bench.make();
  const engine = await bench.ready();
  void bench.world.crashAt(Infinity);
  await life(engine, new Set(), autoRemove);
  return bench.world.calls.length;
}

describe.each([false, true])('an engine that is killed during the life of a container (autoRemove %s)', (autoRemove) => {
  it('is put in order by the next one, wherever it was killed', async () => {
    const calls = await countCalls(autoRemove);
    expect(calls).toBeGreaterThan(20);
    await using bench = await Bench.make();
    await bench.ready();
    for (let n = 0; n < calls; n++) {
      await bench.close();
      const engine = await bench.open();
      const told: Told = new Set();
      const crashed = bench.world.crashAt(n);
      await Promise.race([crashed, life(engine, told, autoRemove)]);
      const lastCall = bench.world.calls.at(-1) ?? 'nothing';
      await bench.close();

      void bench.world.crashAt(Infinity);
      const next = await bench.open();
      const containers = await next.containers.list({ all: true });
      consistent(bench.world, containers);
      const [subject] = containers;
      const broken = brokenPromises(told, subject?.state, autoRemove);
      if (subject !== undefined) await next.containers.remove('subject', { force: true });
      expect({ killedAfter: lastCall, broken, left: bench.world.leftovers() }).toEqual({ killedAfter: lastCall, broken: [], left: [] });
    }
  });
});

describe('a new engine', () => {
  it('takes over what runs, and tells of ends that it did not see, with their own codes and times', async () => {
    await using bench = await Bench.make();
    const engine = await bench.ready();
    const ids: string[] = [];
    for (const name of ['goes-on', 'ended', 'own-end']) {
      const { id } = await engine.containers.create({ image: 'app:1', name, cmd: ['sleep'], autoRemove: name === 'own-end' });
      await engine.containers.start(id);
      ids.push(id);
    }
    const [goesOn = '', ended = '', ownEnd = ''] = ids;
    await bench.close();
    bench.world.exit(ended, 42, true);
    bench.world.exit(ownEnd, 0);
    const endedAt = bench.world.runs.get(ended)?.state.exit?.at;

    const next = await bench.open();
    expect((await next.containers.inspect('goes-on')).state.status).toBe('running');
    expect((await next.containers.inspect('ended')).state).toMatchObject({ status: 'exited', exitCode: 42, oomKilled: true, finishedAt: endedAt });
    await expect(next.containers.inspect('own-end')).rejects.toThrow('No such container');
    expect(await eventsOf(next, ({ action, actor }) => `${action} ${actor.attributes['name'] ?? ''}`)).toEqual(expect.arrayContaining(['die ended', 'die own-end', 'destroy own-end']));

    const exit = next.containers.wait('goes-on');
    bench.world.exit(goesOn, 9);
    expect(await exit).toEqual({ exitCode: 9 });
    await expect.poll(() => [bench.world.runs.size, bench.world.sandboxes.size]).toEqual([0, 0]);
  });

  it('shows 255 for what a reboot took, and runs it again', async () => {
    await using bench = await Bench.make();
    const engine = await bench.ready();
    const { id } = await engine.containers.create({ image: 'app:1', cmd: ['sleep'] });
    const own = await engine.containers.create({ image: 'app:1', cmd: ['sleep'], autoRemove: true });
    for (const ref of [id, own.id]) await engine.containers.start(ref);
    await bench.close();
    bench.world.reboot();
    const next = await bench.open({ bootId: 'boot-2' });
    expect((await next.containers.inspect(id)).state).toMatchObject({ status: 'exited', exitCode: 255 });
    await expect(next.containers.inspect(own.id)).rejects.toThrow('No such container');
    await next.containers.start(id);
    expect((await next.containers.inspect(id)).state.status).toBe('running');
  });

  it('is refused while another has the data root, and told who', async () => {
    await using bench = await Bench.make();
    await bench.open({ socket: '/run/one.sock' });
    const second = await Bench.make();
    await expect(second.open({ dataRoot: `${bench.root}/data` })).rejects.toThrow(expect.objectContaining({ kind: 'conflict', code: 'data-root-in-use', message: expect.stringContaining(`process ${process.pid} listening on /run/one.sock`) as string }));
    await second[Symbol.asyncDispose]();
  });

  it('deletes layers, blobs, containers and snapshots that no row names', async () => {
    await using bench = await Bench.make();
    const engine = await bench.ready();
    const { id } = await engine.containers.create({ image: 'app:1', cmd: ['sleep'] });
    await engine.containers.start(id);
    const [layer] = bench.world.layers.values();
    const [run] = bench.world.runs.values();
    const [sandbox] = bench.world.sandboxes.values();
    if (layer === undefined || run === undefined || sandbox === undefined) throw new Error('the world is empty');
    await bench.close();
    bench.world.layers.set('stray', { ...layer, id: 'stray' as typeof layer.id, parent: layer.id });
    bench.world.snapshots.set('stray', { kind: 'active', key: 'stray', parent: 'stray' as typeof layer.id, holders: ['container:stray'] });
    bench.world.sandboxes.set('stray', { ...sandbox, id: 'stray' });
    bench.world.runs.set('stray', { ...run, exited: Promise.withResolvers(), request: { ...run.request, id: 'stray', sandbox: 'stray' }, state: { ...run.state, id: 'stray', sandbox: 'stray' } });
    const next = await bench.open();
    expect([...bench.world.layers.keys()]).toEqual([layer.id]);
    expect([...bench.world.snapshots.keys(), ...bench.world.runs.keys(), ...bench.world.sandboxes.keys()]).toEqual([id, id, id]);
    expect((await next.containers.inspect(id)).state.status).toBe('running');
  });
});

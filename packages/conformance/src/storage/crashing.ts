import { strict as assert } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { Child, Environment, type Progress } from '../harness/index.ts';
import { before, crashSteps, crashTrees, type CrashInput, type Scene } from './crash-steps.ts';
import { cases, collect, layerId, type StorageCases, type StorageFixture, type StorageSubject } from './fixture.ts';

/** Milliseconds that a step takes here, from a run that nobody kills; measured once for each subject. */
const durations = new WeakMap<StorageSubject, Promise<readonly number[]>>();

/**
 * Promise G4: SIGKILL at any instant, and what was resolved is there, what was not is there or not, and
 * nothing is half there.
 *
 * @param instants Of each step, at which the process is killed, besides right before it.
 */
export const crashing = (instants: number): StorageCases => cases((it) => {
  it('a life without crashes ends as it should', async (t) => {
    await t.driver[Symbol.asyncDispose]();
    await using child = start(t.subject, t.env);
    await child.ended();
    await t.reopenClosed('two');
    assert.deepEqual(await sceneOf(t), crashSteps.at(-1)?.after);
    await verify(t);
  }, { only: 'direct' });

  for (const [i, step] of crashSteps.entries()) {
    for (let n = 0; n <= instants; n++) {
      it(`killed ${n === 0 ? 'before' : `at instant ${n} of`} "${step.name}" (step ${i + 1})`, async (t) => {
        const duration = (await durationsOf(t.subject))[i] ?? 0;
        const ended = await liveUntil(t, i, n === 0 ? 0 : ((n - Math.random()) / instants) * duration);
        await t.reopenClosed('two');
        await eitherOr(t, i, ended);
        await verify(t);
        // A caller who got no answer asks again, whether it has happened or not.
        for (const next of crashSteps.slice(ended ? i + 1 : i)) await next.run(t.driver);
        await t.reopen('three');
        assert.deepEqual(await sceneOf(t), crashSteps.at(-1)?.after, 'going on afterwards does not lead to the same end');
        await verify(t);
      }, { only: 'direct', timeout: 120_000 });
    }
  }
});

function durationsOf(subject: StorageSubject): Promise<readonly number[]> {
  const known = durations.get(subject) ?? measure(subject);
  durations.set(subject, known);
  return known;
}

async function measure(subject: StorageSubject): Promise<readonly number[]> {
  await using env = await Environment.create(subject.tmp);
  await using child = start(subject, env);
  const out: number[] = [];
  let begun = 0;
  for await (const { type, step } of child.progress()) {
    if (type === 'begin') begun = performance.now();
    else out[step] = performance.now() - begun;
  }
  await child.ended();
  return out;
}

/** Kills it so many milliseconds after a step has begun. @returns Whether the step had ended by then. */
async function liveUntil(t: StorageFixture, step: number, ms: number): Promise<boolean> {
  await t.driver[Symbol.asyncDispose]();
  await using child = start(t.subject, t.env, step);
  let last: Progress | undefined;
  for await (const progress of child.progress()) {
    last = progress;
    if (progress.type === 'begin' && progress.step === step) setTimeout(() => child.kill(), ms);
    if (progress.type === 'end' && progress.step === step) child.kill();
  }
  await child.ended();
  assert.equal(last?.step, step, 'the child process did not come that far');
  return last.type === 'end';
}

function start(subject: StorageSubject, env: Environment, until?: number): Child {
  const { instance, session, bootId, domain, stateDir, runDir } = env.context('one');
  const input: CrashInput = { plugin: subject.url.href, options: subject.options, context: { instance, session, bootId, domain, stateDir, runDir }, ...(until !== undefined && { until }) };
  return new Child('storage-crash', input);
}

/** The step that was killed has happened, or it has not; if it had ended, it has. */
async function eitherOr(t: StorageFixture, step: number, ended: boolean): Promise<void> {
  const scene = await sceneOf(t);
  const [was, is] = [crashSteps[step - 1]?.after ?? before, crashSteps[step]?.after];
  if (ended) assert.deepEqual(scene, is, 'what was resolved is not there');
  else if (!isDeepStrictEqual(scene, is)) assert.deepEqual(scene, was, 'neither what was before the step nor what should be after it');
}

async function sceneOf(t: StorageFixture): Promise<Scene> {
  const items = await collect(t.driver.list());
  return {
    layers: items.flatMap((item) => (item.kind === 'layer' ? [item.id] : [])).toSorted(),
    snapshots: Object.fromEntries(items.flatMap((item) => (item.kind === 'layer' ? [] : [[item.key, item.holders]]))),
  };
}

/** Nothing is wrong, nothing is left over, and every layer shows what it should. */
async function verify(t: StorageFixture): Promise<void> {
  await t.healthy();
  const { layers, snapshots } = await sceneOf(t);
  for (const layer of layers) assert.deepEqual(await t.tree(layerId(layer)), crashTrees[layer], `the tree of layer ${layer}`);
  if (Object.values(snapshots).every((holders) => holders.length === 0)) assert.deepEqual(await t.env.mounts(), [], 'a mount is left that nobody holds');
  await t.driver.gc();
  assert.deepEqual(await t.driver.gc(), { bytes: 0 }, 'the second gc() finds something');
  await t.healthy();
}

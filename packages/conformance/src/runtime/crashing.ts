import { strict as assert } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';
import { isGantryError } from '@gantry/errors';
import { Child, type Case } from '../harness/index.ts';
import { crashExit, crashLines, crashSteps, loggedLines, type CrashSubject } from './crash-steps.ts';
import type { RuntimeFixture } from './fixture.ts';

/** Instants of each step at which the process is killed, besides right before it. */
const instants = 2;

/** Milliseconds that a step takes at most, as far as it matters when it is killed. */
const longest = 40;

/**
 * The process that opened the driver is killed at any instant: containers go on, no output and no exit is lost, the
 * driver that is opened then finds all of it, and going on from there leads to the same end.
 */
export const crashing: readonly Omit<Case<RuntimeFixture>, 'suite'>[] = crashSteps.flatMap((step, i) =>
  Array.from({ length: instants + 1 }, (_, n) => ({
    name: `killed ${n === 0 ? 'before' : `at instant ${n} of`} "${step.name}"`,
    only: 'direct' as const,
    async run(t: RuntimeFixture) {
      const subject: CrashSubject = { rootfs: t.subject.rootfs, log: t.log('crash').path };
      await liveUntil(t, subject, i, n === 0 ? 0 : ((n - Math.random()) / instants) * longest);
      await t.reopenClosed('two');
      const status = await statusOf(t);
      const [was, is] = [crashSteps[i - 1]?.after, step.after];
      assert.ok(status === was || status === is, `it is ${status ?? 'absent'}, and neither ${was ?? 'absent'}, as before, nor ${is ?? 'absent'}, as after`);
      for (const next of crashSteps.slice(i)) await next.run(t.driver, subject);
      await verify(t, subject);
    },
  })),
);

/** Kills the process so many milliseconds after a step has begun. */
async function liveUntil(t: RuntimeFixture, subject: CrashSubject, step: number, ms: number): Promise<void> {
  await t.driver[Symbol.asyncDispose]();
  const { instance, session, bootId, domain, stateDir, runDir } = t.env.context('one');
  const context = { instance, session, bootId, domain, stateDir, runDir };
  await using child = new Child('runtime-crash', { plugin: t.subject.url.href, options: t.subject.options, context, subject, last: step });
  for await (const progress of child.progress()) {
    if (progress.type !== 'begin' || progress.step !== step) continue;
    if (ms > 0) await delay(ms);
    child.kill();
    break;
  }
  await child.ended();
}

async function statusOf(t: RuntimeFixture): Promise<string | undefined> {
  try {
    return (await t.driver.state('c')).status;
  } catch (e) {
    if (isGantryError(e) && e.kind === 'notFound') return undefined;
    throw e;
  }
}

/** Everything came exactly once, in order, and nothing is left. */
async function verify(t: RuntimeFixture, subject: CrashSubject): Promise<void> {
  const told = (await t.events()).filter(({ id }) => id === 'c');
  const last = told.map(({ type, execId }) => [execId, type].filter((part) => part !== undefined).join(' '));
  const life = last.slice(last.lastIndexOf('create'));
  const pauses = t.driver.capabilities.pause ? ['pause', 'resume'] : [];
  assert.deepEqual(life.filter((type) => !type.includes(' ')), ['create', 'start', ...pauses, 'exit', 'delete']);
  assert.deepEqual(life.filter((type) => type.startsWith('ends ')), ['ends start', 'ends exit']);
  assert.deepEqual(life.filter((type) => type.startsWith('stays ')), ['stays start', 'stays exit']);
  const exits = told.filter(({ type }) => type === 'exit');
  assert.equal(exits.find(({ execId }) => execId === 'ends')?.exit?.code, 5);
  assert.deepEqual(exits.filter(({ execId }) => execId === undefined).map(({ exit }) => [exit?.code, exit?.lost]), [[crashExit, undefined]]);
  assert.deepEqual(await loggedLines(subject.log), Array.from({ length: crashLines }, (_, n) => `${n + 1}\n`));
  await t.nothingLeft();
}

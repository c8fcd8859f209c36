import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileSeccomp } from '../../src/seccomp/compile.ts';
import { defaultProfile } from '../../src/seccomp/default-profile.ts';
import { answer, questionsTo } from './bpf/answers.ts';
import { decodeProgram } from './bpf/interpreter.ts';
import { DockerEngine } from './docker-engine.ts';
import { differencesFrom, withName } from './differences.ts';
import { buildHelper, helperPossible, type Helper } from './native/build-helper.ts';
import { boundingSet, variants } from './variants.ts';

interface Found {
  readonly engine: DockerEngine;
  readonly version: string;
  readonly api: number;
}

async function engineWhere(fits: (found: Found) => boolean): Promise<Found | undefined> {
  const engines = helperPossible ? DockerEngine.here() : [];
  const found = await Promise.all(engines.map(async (engine) => engine.version().then(({ engine: version, api }) => ({ engine, version, api }))));
  return found.find(fits);
}

/** The two whose policies are recorded; a Docker between them has some of the differences of each. */
const policies = [
  { policy: '20.10', found: await engineWhere(({ version }) => version.startsWith('20.10.')) },
  { policy: 'today', found: await engineWhere(({ api }) => api >= 1.56) },
];

/** A few of the recorded variants, against Docker itself: more than what was recorded is asked. */
describe.each(policies)('Docker of $policy', ({ found }) => {
  let helper: Helper;

  beforeAll(() => {
    if (found !== undefined) helper = buildHelper();
  });

  afterAll(() => {
    if (found !== undefined) helper[Symbol.dispose]();
  });

  const some = variants.filter(({ name }) => ['default', 'no capability', 'SYS_ADMIN', 'SYS_PTRACE', 'SYS_TIME'].includes(name));

  test.skipIf(found === undefined).each(some)('its filter for $name answers as ours, but for the listed differences', async (variant) => {
    const theirs = await found?.engine.filter(helper.path, variant);
    if (theirs === undefined) throw new Error('the container has no filter');
    const ours = decodeProgram(compileSeccomp(defaultProfile(boundingSet(variant), 'x86_64', '6.18'), 'x86_64').bpf);
    const questions = [theirs, ours].flatMap((filter) => questionsTo(filter, ['x86_64', 'i386', 'x32']));
    const unexplained = questions.flatMap((question) => {
      const [given, own] = [answer(theirs, question), answer(ours, question)];
      const listed = differencesFrom(found?.version ?? '').some((one) => one.theirs === given && one.ours === own && one.covers(withName(question)));
      return given === own || listed ? [] : [{ ...withName(question), given, own }];
    });
    expect(questions.length).toBeGreaterThan(4200);
    expect(unexplained).toEqual([]);
  });

  test.skipIf(found === undefined)('an unconfined container has none', async () => {
    expect(await found?.engine.filter(helper.path, { name: 'unconfined', unconfined: true })).toBeUndefined();
  });
});

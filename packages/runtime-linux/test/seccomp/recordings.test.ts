import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compileSeccomp } from '../../src/seccomp/compile.ts';
import { defaultProfile } from '../../src/seccomp/default-profile.ts';
import { answer, questionsTo } from './bpf/answers.ts';
import { decodeProgram, type Instruction } from './bpf/interpreter.ts';
import { differencesFrom, withName, type Difference } from './differences.ts';
import { parseQuestion, questionText, readRecording, recordingsFolder, type Answers, type Variant } from './recording.ts';
import { boundingSet, variants } from './variants.ts';

const kernel = '6.18.44';

interface Disagreement {
  readonly question: string;
  readonly theirs: string;
  readonly ours: string;
  readonly listed: Difference | undefined;
}

/** Most variants share one filter, theirs and ours: each pair is compared once. */
const compared = new Map<Answers, Map<string, readonly Disagreement[]>>();

function disagreementsOf(theirs: Answers, variant: Variant, listed: readonly Difference[]): readonly Disagreement[] {
  const { bpf } = compileSeccomp(defaultProfile(boundingSet(variant), 'x86_64', kernel), 'x86_64');
  const key = Buffer.from(bpf).toString('base64');
  const known = compared.get(theirs) ?? new Map<string, readonly Disagreement[]>();
  const found = known.get(key) ?? disagreements(theirs, decodeProgram(bpf), listed);
  compared.set(theirs, known.set(key, found));
  return found;
}

/** Every question that either filter gives a reason to ask, and that both have an answer to. */
function disagreements(theirs: Answers, ours: readonly Instruction[], listed: readonly Difference[]): Disagreement[] {
  const asked = new Map([...theirs.keys()].map((text) => [text, parseQuestion(text)]));
  for (const question of questionsTo(ours, ['x86_64', 'i386', 'x32'])) asked.set(questionText(question, true), question);
  const found: Disagreement[] = [];
  for (const [text, question] of asked) {
    const given = theirs.get(text) ?? theirs.get(questionText(question, false));
    const own = answer(ours, question);
    if (given === undefined || given === own) continue;
    const difference = listed.find((one) => one.theirs === given && one.ours === own && one.covers(withName(question)));
    found.push({ question: `${text} ${withName(question).name ?? ''}`, theirs: given, ours: own, listed: difference });
  }
  return found;
}

const files = readdirSync(recordingsFolder).filter((file) => file.startsWith('docker-') || file.startsWith('moby-'));

test('both policies are recorded', () => {
  expect(files).toEqual(['docker-20.10.24.json', 'moby-2.0.0-beta.24.json']);
});

describe.each(files)('%s', (file) => {
  const { engine, variants: recorded } = readRecording(file);
  const listed = differencesFrom(engine['docker'] ?? '');
  const filtered = variants.flatMap((variant) => {
    const answers = recorded.get(variant.name);
    return answers === undefined ? [] : [{ variant, answers }];
  });

  test('covers the default and at least 35 sets of capabilities', () => {
    expect(filtered.length).toBeGreaterThanOrEqual(37);
    expect(recorded.get('default')?.size).toBeGreaterThan(2100);
  });

  test('has no filter for an unconfined container', () => {
    expect([recorded.has('unconfined'), recorded.get('unconfined')]).toEqual([true, undefined]);
  });

  test.each(filtered)('our filter for $variant.name answers as theirs, but for the listed differences', ({ variant, answers }) => {
    const found = disagreementsOf(answers, variant, listed);
    expect(found.filter((one) => one.listed === undefined)).toEqual([]);
  });

  test('every listed difference exists', () => {
    const used = new Set(filtered.flatMap(({ variant, answers }) => disagreementsOf(answers, variant, listed).map((one) => one.listed)));
    expect(listed.filter((one) => !used.has(one)).map(({ reason }) => reason)).toEqual([]);
  });
});

test('a container that may do everything is recorded as unfiltered only when it is privileged or unconfined', () => {
  const { variants: recorded } = readRecording('moby-2.0.0-beta.24.json');
  expect([...recorded].filter(([, answers]) => answers === undefined).map(([name]) => name)).toEqual(['privileged', 'unconfined']);
});

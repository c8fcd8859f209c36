import { describe, expect, test } from 'vitest';
import { isNarrow } from '../../src/seccomp/argument-widths.ts';
import { compileSeccomp } from '../../src/seccomp/compile.ts';
import { defaultProfile } from '../../src/seccomp/default-profile.ts';
import { answer, type Question } from './bpf/answers.ts';
import { decodeProgram, type Instruction } from './bpf/interpreter.ts';
import { withName } from './differences.ts';
import { parseQuestion, readRecording, type Answers } from './recording.ts';
import { semanticsCases } from './semantics-cases.ts';
import { readSemantics } from './semantics-recording.ts';

interface Deviation {
  readonly reason: string;
  readonly covers: (of: { readonly in: string; readonly theirs: string; readonly ours: string; readonly question: Question & { readonly name: string | undefined } }) => boolean;
}

/** Where our filters mean something else than those of runc and libseccomp. */
const deviations: readonly Deviation[] = [
  {
    reason: 'A call by a convention that the profile does not list ends the process and not only its thread',
    covers: ({ theirs, ours }) => theirs === 'kill thread' && ours === 'kill process',
  },
  {
    reason: 'A value above 32 bits keeps its upper half: libseccomp drops it for i386 and x32, so that a condition which cannot hold does',
    covers: ({ in: name, question }) => name.endsWith(', wide') && (question.abi === 'i386' || question.abi === 'x32'),
  },
  {
    reason: 'Of an argument that the kernel takes as 32 bits, only those are compared',
    covers: ({ question: { abi, name, args } }) => (abi === 'x86_64' || abi === 'aarch64') && args.some((value, index) => value > 0xffff_ffffn && isNarrow(name ?? '', index)),
  },
  {
    reason: 'A call that is allowed under conditions is not allowed without them by way of socketcall or ipc, where they cannot be tested',
    covers: ({ theirs, ours, question }) => question.name === 'socketcall' && theirs === 'allow' && ours === 'errno 1',
  },
  {
    reason: "arm's private calls do not make every number below them a known one: calls that the profile is too old for get ENOSYS on arm too",
    covers: ({ theirs, ours, question }) => question.abi === 'arm' && question.nr < 0x0f_0000 && theirs === 'errno 1' && ours === 'errno 38',
  },
];

const used = new Set<Deviation>();

function unexplained(name: string, theirs: Answers, ours: readonly Instruction[]): string[] {
  const found: string[] = [];
  for (const [text, given] of theirs) {
    const question = withName(parseQuestion(text));
    const own = answer(ours, question);
    if (own === given) continue;
    const reason = deviations.find(({ covers }) => covers({ in: name, theirs: given, ours: own, question }));
    if (reason === undefined) found.push(`${text} ${question.name ?? ''}: ${given} there, ${own} here`);
    else used.add(reason);
  }
  return found;
}

describe('what a profile means to runc and libseccomp, it means here', () => {
  const recorded = readSemantics();

  test('every case is recorded', () => {
    expect([...recorded.keys()]).toEqual(semanticsCases.map(({ name }) => name));
  });

  test.each(semanticsCases)('$name', ({ name, profile }) => {
    const answers = recorded.get(name) ?? new Map<string, string>();
    expect(answers.size).toBeGreaterThan(15);
    expect(unexplained(name, answers, decodeProgram(compileSeccomp(profile, 'x86_64').bpf))).toEqual([]);
  });

  test('the default policy for arm64 by the tables of libseccomp', () => {
    const answers = readRecording('arm64-by-libseccomp.json').variants.get('default') ?? new Map<string, string>();
    expect(answers.size).toBeGreaterThan(1400);
    expect(unexplained('arm64', answers, decodeProgram(compileSeccomp(defaultProfile([], 'aarch64', '6.18'), 'aarch64').bpf))).toEqual([]);
  });

  test('every deviation exists', () => {
    expect(deviations.filter((one) => !used.has(one)).map(({ reason }) => reason)).toEqual([]);
  });
});

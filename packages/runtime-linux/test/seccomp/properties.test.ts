import fc from 'fast-check';
import { expect, test } from 'vitest';
import { problemWithProgram } from '../../src/seccomp/check-program.ts';
import { compileSeccomp } from '../../src/seccomp/compile.ts';
import { defaultProfile } from '../../src/seccomp/default-profile.ts';
import { compileCase } from './arbitrary.ts';
import { describeAction } from './bpf/actions.ts';
import { decodeProgram, run } from './bpf/interpreter.ts';
import { evaluate } from './evaluator.ts';

test('a compiled profile answers every call as the profile says', () => {
  fc.assert(
    fc.property(compileCase, ({ arch, profile, calls }) => {
      const { bpf } = compileSeccomp(profile, arch);
      const program = decodeProgram(bpf);
      expect(problemWithProgram(bpf)).toBeUndefined();
      for (const call of calls) expect([call, describeAction(run(program, call).action)]).toEqual([call, evaluate(profile, arch, call)]);
    }),
    { numRuns: 2000 },
  );
});

test('every number is decided in few steps under the default profile', () => {
  const program = decodeProgram(compileSeccomp(defaultProfile([], 'x86_64', '6.18'), 'x86_64').bpf);
  const number = fc.oneof(fc.nat(600), fc.nat(0xffff_ffff));
  fc.assert(
    fc.property(fc.constantFrom(0xc000_003e, 0x4000_0003), number, (arch, nr) => {
      expect(run(program, { arch, nr }).steps).toBeLessThanOrEqual(18);
    }),
    { numRuns: 1000 },
  );
});

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import type { OciSeccomp } from '@gantry/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problemWithProgram } from '../../src/seccomp/check-program.ts';
import { compileSeccomp } from '../../src/seccomp/compile.ts';
import { defaultProfile } from '../../src/seccomp/default-profile.ts';
import { compileCase } from './arbitrary.ts';
import { buildHelper, helperPossible, type Helper } from './native/build-helper.ts';

/** Under a filter of ours, real calls to the real kernel. */
describe.skipIf(!helperPossible)('the kernel', () => {
  let helper: Helper;

  beforeAll(() => {
    helper = buildHelper();
  });

  afterAll(() => {
    helper[Symbol.dispose]();
  });

  function ask(words: readonly string[], input: string): string[] {
    const { status, stdout, stderr } = spawnSync(helper.path, words, { input, encoding: 'utf8', maxBuffer: 1 << 24 });
    if (status !== 0) throw new Error(stderr);
    return stdout.trimEnd().split('\n');
  }

  /** Each call is `ABI NUMBER ARGUMENTS`, with ABI 64 or 32. */
  function call(profile: OciSeccomp | undefined, ...calls: readonly string[]): string[] {
    const input = `${calls.join('\n')}\n`;
    if (profile === undefined) return ask(['calls', '-'], input);
    const file = join(dirname(helper.path), 'filter');
    writeFileSync(file, compileSeccomp(profile, 'x86_64').bpf);
    return ask(['calls', file], input);
  }

  const bare = defaultProfile([], 'x86_64', '6.18');
  const succeeds = expect.stringMatching(/^value \d+$/) as unknown;
  const eperm = 'value -1';
  const enosys = 'value -38';

  test('lets everyday calls through the default policy', () => {
    expect(call(bare, '64 39', '64 41 1 1 0', '64 135 4294967295', '64 12 0', '32 20', '32 122 0')).toEqual([succeeds, succeeds, succeeds, succeeds, succeeds, 'value -14']);
  });

  test('stops what the default policy does not allow', () => {
    // io_uring_setup, keyctl, unshare of a user namespace, mount, bpf, personality with ADDR_NO_RANDOMIZE, socket of AF_ALG and AF_VSOCK
    const calls = ['64 425 1 0', '64 250 0', '64 272 268435456', '64 165 0 0 0', '64 321 0 0 0', '64 135 262144', '64 41 38 5 0', '64 41 40 1 0'];
    expect(call(bare, ...calls)).toEqual(calls.map(() => eperm));
  });

  test('stops them by the 32 bit way too', () => {
    // mount, keyctl, socket of AF_VSOCK, clone3, unshare
    expect(call(bare, '32 21 0 0 0', '32 288 0', '32 359 40 1 0', '32 435 0 0', '32 310 268435456')).toEqual([eperm, eperm, eperm, enosys, eperm]);
  });

  test('does not know clone3 and what is newer than the policy', () => {
    expect(call(bare, '64 435 0 0', '64 467 0', '64 600', '32 600')).toEqual([enosys, enosys, enosys, enosys]);
  });

  test('reads the lower half of a family, and so does the filter', () => {
    const [hidden, plain] = ['64 41 4294967297 1 0', '64 41 1 1 0'];
    expect(call(undefined, hidden, plain)).toEqual([succeeds, succeeds]);
    expect(call(bare, '64 41 4294967336 1 0', '64 41 4294967334 5 0', hidden)).toEqual([eperm, eperm, succeeds]);
  });

  test('gets socketcall through, as with Docker: its arguments are out of sight', () => {
    expect(call(bare, '32 102 1 0')).toEqual(['value -14']);
  });

  test('opens with a capability in the filter what the policy says', () => {
    // mount with bad pointers, unshare of nothing
    expect(call(defaultProfile(['CAP_SYS_ADMIN'], 'x86_64', '6.18'), '64 165 0 0 0', '64 272 0')).toEqual(['value -14', 'value 0']);
  });

  test('carries out every action', () => {
    const on = (action: 'ERRNO' | 'KILL' | 'KILL_PROCESS' | 'TRAP' | 'LOG' | 'TRACE'): OciSeccomp => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['getpid'], action: `SCMP_ACT_${action}`, errnoRet: 13 }] });
    const given = (['ERRNO', 'KILL', 'KILL_PROCESS', 'TRAP', 'LOG', 'TRACE'] as const).flatMap((action) => call(on(action), '64 39'));
    // SIGSYS is 31. Without a tracer SCMP_ACT_TRACE is ENOSYS.
    expect(given).toEqual(['value -13', 'signal 31', 'signal 31', 'signal 31', succeeds, enosys]);
  });

  test('kills by a convention that the profile does not list', () => {
    expect(call({ defaultAction: 'SCMP_ACT_ALLOW' }, '64 39', '32 20', '64 1073741863')).toEqual([succeeds, 'signal 31', 'signal 31']);
  });

  test('takes the programs that the checker takes, and no others', () => {
    const compiled = fc.sample(compileCase, 120).map(({ profile, arch }) => compileSeccomp(profile, arch).bpf);
    const spoilt = fc.sample(fc.tuple(fc.constantFrom(...compiled), fc.nat(), fc.nat(7), fc.oneof(fc.nat(255), fc.constantFrom(0x02, 0x06, 0x15, 0x16, 0x20, 0x28, 0x34, 0x60, 0x64, 0x74))), 600).map(([bpf, at, byte, value]) => {
      const copy = bpf.slice();
      copy[((at % (copy.length / 8)) * 8 + (byte < 3 ? 0 : byte)) % copy.length] = value;
      return copy;
    });
    const programs = [...compiled, ...spoilt];
    const answers = ask(['check'], `${programs.map((bpf) => Buffer.from(bpf).toString('hex')).join('\n')}\n`);
    expect(answers.length).toBe(programs.length);
    const disputed = programs.flatMap((bpf, index) => ((problemWithProgram(bpf) === undefined) === (answers[index] === 'taken') ? [] : [`${Buffer.from(bpf).toString('hex')}: ${answers[index] ?? ''} by the kernel, here ${problemWithProgram(bpf) ?? 'taken'}`]));
    expect(disputed).toEqual([]);
    expect(answers.slice(0, compiled.length)).toEqual(compiled.map(() => 'taken'));
    expect(new Set(answers)).toEqual(new Set(['taken', 'refused 22']));
  });
});

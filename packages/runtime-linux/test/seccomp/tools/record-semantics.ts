/**
 * Records what the rules of profiles mean to a real engine's runtime, and what our policy for arm64 says through
 * libseccomp's tables, for the tests that run without Docker.
 *
 *   sudo node --conditions=@gantry/source test/seccomp/tools/record-semantics.ts /var/run/docker.sock [KEY=VALUE...]
 *
 * Needs the image `busybox` in that engine, and `rustc`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultProfile } from '../../../src/seccomp/default-profile.ts';
import { DockerEngine } from '../docker-engine.ts';
import { buildHelper } from '../native/build-helper.ts';
import { answersOf, compact, encode, factsOf, recordingsFolder, type CompactAnswers } from '../recording.ts';
import { semanticsCases } from '../semantics-cases.ts';
import { profileText, semanticsFile } from '../semantics-recording.ts';

const [socket, ...facts] = process.argv.slice(2);
if (socket === undefined) throw new Error('usage: record-semantics.ts SOCKET [KEY=VALUE...]');

using helper = buildHelper();
const engine = new DockerEngine(socket);
const versions = { ...(await engine.versions()), ...factsOf(facts) };
const cases: Record<string, CompactAnswers> = {};
for (const { name, profile, numbers } of semanticsCases) {
  const filter = await engine.filter(helper.path, { name }, profileText(profile));
  if (filter === undefined) throw new Error(`${name}: no filter`);
  cases[name] = compact(answersOf(filter, ['x86_64', 'i386', 'x32'], numbers));
}
writeFileSync(join(recordingsFolder, semanticsFile), `${JSON.stringify({ engine: versions, cases }, undefined, 1)}\n`);

// A program has to start on this machine, so its architecture and what that one needs come along.
const arm = defaultProfile([], 'aarch64', '6.18');
const profile = { ...arm, architectures: ['SCMP_ARCH_X86_64', ...(arm.architectures ?? [])], syscalls: [...(arm.syscalls ?? []), { names: ['arch_prctl'], action: 'SCMP_ACT_ALLOW' as const }] };
const filter = await engine.filter(helper.path, { name: 'arm64' }, profileText(profile));
if (filter === undefined) throw new Error('arm64: no filter');
writeFileSync(join(recordingsFolder, 'arm64-by-libseccomp.json'), `${JSON.stringify(encode(versions, new Map([['default', answersOf(filter, ['aarch64', 'arm'])]]), 'default'), undefined, 1)}\n`);

/**
 * Records what the filters of Docker's containers answer, for the tests that run without Docker.
 *
 *   sudo node --conditions=@gantry/source test/seccomp/tools/record-docker.ts /var/run/docker.sock docker-29.json [engine='moby 2.0'] [libseccomp=2.6.0]
 *
 * Needs the image `busybox` in that engine, and `rustc`. One short container a variant. `key=value` words go into the
 * file beside what the engine says of itself, or instead of it.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerEngine } from '../docker-engine.ts';
import { buildHelper } from '../native/build-helper.ts';
import { answersOf, encode, factsOf, recordingsFolder, type Answers } from '../recording.ts';
import { variants } from '../variants.ts';

const [socket, file, ...facts] = process.argv.slice(2);
if (socket === undefined || file === undefined) throw new Error('usage: record-docker.ts SOCKET FILE [KEY=VALUE...]');

using helper = buildHelper();
const engine = new DockerEngine(socket);
const recorded = new Map<string, Answers | undefined>();
for (const variant of variants) {
  try {
    const filter = await engine.filter(helper.path, variant);
    recorded.set(variant.name, filter === undefined ? undefined : answersOf(filter));
  } catch (error) {
    // An engine or a machine that does not know a capability refuses the container.
    console.error(`${variant.name}: left out: ${error instanceof Error ? error.message : String(error)}`);
  }
}
const versions = { ...(await engine.versions()), ...factsOf(facts) };
writeFileSync(join(recordingsFolder, file), `${JSON.stringify(encode(versions, recorded, 'default'), undefined, 1)}\n`);

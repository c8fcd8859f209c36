// Runs one container in this very process: no daemon, no socket, no docker.
//
//   node run.ts                       the image that comes with the project
//   node run.ts debian:12 cat /etc/os-release
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine } from '@gantry/engine';
import { layoutPath, reference } from '@gantry/hello-image';
import logFile from '@gantry/log-file';
import runtimeLinux from '@gantry/runtime-linux';
import overlay from '@gantry/storage-overlay';

const [image = reference, ...cmd] = process.argv.slice(2);
const dataRoot = process.env['GANTRY_DATA'] ?? (await mkdtemp(join(tmpdir(), 'gantry-example-')));

async function run(): Promise<number> {
  await using engine = await createEngine({
    dataRoot,
    runRoot: join(dataRoot, 'run'),
    plugins: { storage: overlay, runtimes: { linux: runtimeLinux }, logs: [logFile] },
    embeddedImages: { [reference]: layoutPath() },
  });
  const { images, containers } = engine;

  await images.pull(image, {
    onProgress: (p) => {
      if (p.kind === 'layer' && p.phase === 'complete') process.stderr.write(`layer ${p.digest.slice(7, 19)} is here\n`);
    },
  });
  const { id, warnings } = await containers.create({ image, autoRemove: true, ...(cmd.length === 0 ? {} : { cmd }) });
  for (const warning of warnings) process.stderr.write(`${warning}\n`);

  // Attached before the start, so that nothing is missed.
  await using streams = await containers.attach(id, { stdin: false, stdout: true, stderr: true });
  const removed = containers.wait(id, { condition: 'removed' });
  await containers.start(id);
  for await (const { fd, data } of streams.output) (fd === 1 ? process.stdout : process.stderr).write(data);
  const { exitCode } = await removed;
  if (process.env['GANTRY_DATA'] === undefined) await images.remove(image);
  return exitCode;
}

process.exitCode = await run();
if (process.env['GANTRY_DATA'] === undefined) await rm(dataRoot, { recursive: true, force: true });

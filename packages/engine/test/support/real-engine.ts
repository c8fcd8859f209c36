import { connect } from 'node:net';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DriversConfig, Logger } from '@gantry/driver-api';
import { layoutPath, reference } from '@gantry/hello-image';
import { openNative } from '@gantry/linux';
import logFile from '@gantry/log-file';
import runtimeLinux from '@gantry/runtime-linux';
import overlay from '@gantry/storage-overlay';
import { createEngine, type ContainerStreams, type CreateContainer, type Engine, type EngineOptions } from '../../src/index.ts';
import { instanceOf } from '../../src/state/meta.ts';

/** Two megabytes, with every everyday program; from the registry that `tools/lab/peers.sh up` starts. */
export const busybox = '127.0.0.1:5000/busybox:latest';
export { reference as hello } from '@gantry/hello-image';

export const isRoot: boolean = process.getuid?.() === 0;

export async function hasRegistry(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(5000, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

export const realPlugins: DriversConfig = { storage: overlay, runtimes: { default: 'linux', linux: runtimeLinux }, logs: [logFile] };

export function realOptions(dataRoot: string): EngineOptions {
  return { dataRoot, runRoot: join(dataRoot, 'run'), plugins: realPlugins, embeddedImages: { [reference]: join(dataRoot, 'hello-layout') }, log: complaints };
}

const say = (o: object, m: string): void => void process.stderr.write(`${m} ${JSON.stringify(o)}\n`);
/** What goes wrong behind a test's back is seen. */
export const complaints: Logger = { debug: () => undefined, info: () => undefined, warn: say, error: say, child: () => complaints };

/** What one run of a container gave. */
export interface RunResult {
  readonly id: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A data root of its own on the real machine, with engines over the real drivers one after another. */
export class RealBench implements AsyncDisposable {
  readonly dataRoot: string;
  #engine: Engine | undefined;

  private constructor(dataRoot: string) {
    this.dataRoot = dataRoot;
  }

  static async make(): Promise<RealBench> {
    const dataRoot = await realpath(await mkdtemp(join(tmpdir(), 'gantry-test-real-')));
    // A copy: the original is made anew by every build.
    await cp(layoutPath(), join(dataRoot, 'hello-layout'), { recursive: true });
    return new RealBench(dataRoot);
  }

  get instance(): string {
    return instanceOf(this.dataRoot);
  }

  async open(): Promise<Engine> {
    return (this.#engine = await createEngine(realOptions(this.dataRoot)));
  }

  async close(): Promise<void> {
    await this.#engine?.[Symbol.asyncDispose]();
    this.#engine = undefined;
  }

  /** Everything that containers of this instance have on the machine, by name. */
  async leftovers(): Promise<string[]> {
    const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').flatMap((line) => line.split(' ')[4] ?? []).filter((path) => path.startsWith(this.dataRoot));
    const folders = await listed(join(this.dataRoot, 'host', 'linux', 'folders'));
    const files = await listed(join(this.dataRoot, 'host', 'linux', 'folders', 'container-files'));
    const slots = (await listed(join(this.dataRoot, 'run'))).filter((name) => name.startsWith('k')).map((name) => join(this.dataRoot, 'run', name));
    const keepers = (await Promise.all(slots.map(listed))).flat();
    return [
      ...mounts.map((path) => `mount ${path}`),
      ...folders.filter((name) => name !== 'container-files').map((name) => `folder ${name}`),
      ...files.map((name) => `files ${name}`),
      ...keepers.map((name) => `keeper ${name}`),
      ...(await cgroups(this.instance)).map((path) => `cgroup ${path}`),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const engine = this.#engine ?? (await this.open());
      for (const { id } of await engine.containers.list({ all: true })) await engine.containers.remove(id, { force: true });
      for (const { id } of await engine.images.list()) await engine.images.remove(id, { force: true });
    } finally {
      await this.close();
      const native = await openNative({ runDir: join(this.dataRoot, 'run'), instance: this.instance });
      await native.quit();
      await native[Symbol.asyncDispose]();
      await rm(this.dataRoot, { recursive: true, force: true });
    }
  }
}

async function listed(folder: string): Promise<string[]> {
  return existsSync(folder) ? readdir(folder) : [];
}

/** Folders of control groups below that of the instance, in whatever hierarchy. */
async function cgroups(instance: string): Promise<string[]> {
  const found: string[] = [];
  for (const hierarchy of ['', ...(await listed('/sys/fs/cgroup'))]) {
    const root = join('/sys/fs/cgroup', hierarchy);
    for (const name of (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory() && entry.name.includes(instance))) {
      const below = await readdir(join(root, name.name), { withFileTypes: true });
      found.push(...below.filter((entry) => entry.isDirectory()).map((entry) => join(root, name.name, entry.name)));
    }
  }
  return found;
}

export async function collect(streams: ContainerStreams): Promise<{ stdout: string; stderr: string }> {
  const out = { stdout: '', stderr: '' };
  for await (const { fd, data } of streams.output) out[fd === 1 ? 'stdout' : 'stderr'] += Buffer.from(data).toString();
  return out;
}

/** As `docker run`: attached before the start, its end awaited. */
export async function runContainer(engine: Engine, request: CreateContainer, input?: string): Promise<RunResult> {
  const { containers } = engine;
  const { id } = await containers.create(request);
  const streams = await containers.attach(id, { stdin: input !== undefined, stdout: true, stderr: true });
  const ended = containers.wait(id, { condition: request.autoRemove === true ? 'removed' : 'next-exit' });
  ended.catch(() => undefined); // a start that fails is told by the start
  const output = collect(streams);
  await containers.start(id);
  if (input !== undefined) {
    const writer = streams.stdin?.getWriter();
    await writer?.write(Buffer.from(input));
    await writer?.close();
  }
  const [{ stdout, stderr }, { exitCode }] = await Promise.all([output, ended]);
  return { id, exitCode, stdout, stderr };
}

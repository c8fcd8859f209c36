import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cgroupsOf } from './leftovers.ts';
import { registryStore } from './needs.ts';
import { eventually, ok, run, type Result, type RunOptions } from './run.ts';

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '../..');

export interface TestDaemon extends AsyncDisposable {
  readonly dir: string;
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly host: string;
  readonly pid: number;
  /** A process in its network namespace. */
  readonly netns: number;
  /** The daemon and the zygote. */
  engineProcesses(): number[];
  /** What it wrote. */
  log(): string;
  docker(args: readonly string[], o?: RunOptions): Promise<Result>;
  gantry(args: readonly string[], o?: RunOptions): Promise<Result>;
  /** SIGKILL, as a crash would. Resolves when it is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestDaemonOptions {
  /** Start a registry beside it, at 127.0.0.1:5000 in its network namespace, with the lab's images. */
  readonly registry?: boolean;
  readonly args?: readonly string[];
  /** Words to put before the daemon's command line (`strace ...`). */
  readonly under?: readonly string[];
}

/** The built `gantryd` with a data root, sockets and a network namespace of its own. Disposing of it stops it, removes what it kept, and complains of what it left. */
export async function testDaemon(o: TestDaemonOptions = {}): Promise<TestDaemon> {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-e2e-'));
  const dataRoot = join(dir, 'data');
  const runRoot = join(dir, 'run');
  const socket = join(dir, 's');
  const host = `unix://${socket}`;
  const logFile = join(dir, 'log');
  const netns = await networkNamespace();
  const registry = o.registry === true ? await startRegistry(dir, netns) : undefined;
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const log = openSync(logFile, 'a');
    const words = [
      `--net=/proc/${netns.pid}/ns/net`, '--', ...(o.under ?? []), process.execPath, require.resolve('@gantry/daemon/gantryd'),
      '--host', host, '--data-root', dataRoot, '--exec-root', runRoot, '--pidfile', join(dir, 'pid'), '--config-file', join(dir, 'daemon.json'), ...(o.args ?? []),
    ];
    writeFileSync(join(dir, 'daemon.json'), '{}');
    child = spawn('nsenter', words, { stdio: ['ignore', log, log] });
    closeSync(log);
    await eventually(() => run('curl', ['-s', '--unix-socket', socket, 'http://x/_ping']), ({ stdout }) => {
      if (child?.exitCode != null) throw new Error(`the daemon ended: ${readFileSync(logFile, 'utf8')}`);
      return stdout === 'OK';
    }, 15_000);
  };
  const pid = (): number => Number(readFileSync(join(dir, 'pid'), 'utf8'));
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const current = child;
    if (current?.exitCode !== null || current.signalCode !== null) return;
    const gone = new Promise((resolve) => current.once('exit', resolve));
    // nsenter becomes the daemon by exec: its pid is the daemon's.
    current.kill(signal);
    await gone;
  };
  const close = async (): Promise<void> => {
    await end('SIGKILL');
    registry?.kill('SIGTERM');
    await endZygote(runRoot);
    netns.end();
    await eventually(() => mountsUnder(dir), (mounts) => mounts.length === 0, 3000);
    // What all containers of an engine have in common stays with it; a test's engine does not come back.
    for (const group of cgroupsOf(dataRoot).toReversed()) if (existsSync(group)) rmdirSync(group);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    dir, dataRoot, runRoot, host,
    netns: netns.pid,
    get pid() {
      return pid();
    },
    engineProcesses: () => processesNaming(dir).filter((pid) => pid !== netns.pid && !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('docker-registry')),
    log: () => readFileSync(logFile, 'utf8'),
    docker: (args, options = {}) => run('docker', args, { ...options, env: { DOCKER_HOST: host, DOCKER_CONFIG: join(dir, 'docker-config'), ...options.env } }),
    gantry: (args, options = {}) => run(process.execPath, [join(root, 'packages/cli/dist/gantry.cjs'), ...args], { ...options, env: { GANTRY_HOST: host, ...options.env } }),
    kill: () => end('SIGKILL'),
    start,
    stop: () => end('SIGTERM'),
    async [Symbol.asyncDispose]() {
      try {
        await removeAll(host);
        await end('SIGTERM');
      } finally {
        await close();
      }
    },
  };
}

async function removeAll(host: string): Promise<void> {
  const api = (method: string, path: string): Promise<string> => ok('curl', ['-s', '-X', method, '--unix-socket', host.slice('unix://'.length), `http://x${path}`]);
  const { code, stdout } = await run('curl', ['-s', '--unix-socket', host.slice('unix://'.length), 'http://x/containers/json?all=1']);
  if (code !== 0) return;
  for (const { Id } of JSON.parse(stdout) as readonly { readonly Id: string }[]) await api('DELETE', `/containers/${Id}?force=1`);
}

/** The zygote outlives its daemon on purpose; a test's ends with the test. */
async function endZygote(runRoot: string): Promise<void> {
  for (const pid of processesNaming(runRoot)) process.kill(pid, 'SIGTERM');
  await eventually(() => processesNaming(runRoot), (pids) => pids.length === 0, 3000);
}

/** Processes whose command line names this folder. */
export function processesNaming(folder: string): number[] {
  return readdirNumbers('/proc').filter((pid) => {
    try {
      return pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });
}

export function mountsUnder(folder: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.split(' ')[4]?.startsWith(folder) === true);
}

function readdirNumbers(dir: string): number[] {
  return readdirSync(dir).filter((name) => /^\d+$/.test(name)).map(Number);
}

interface Netns {
  readonly pid: number;
  end(): void;
}

/** A network namespace with loopback, held by a process that does nothing. */
async function networkNamespace(): Promise<Netns> {
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo up && exec sleep infinity'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve());
    holder.once('exit', () => reject(new Error('no network namespace: needs unshare and ip')));
  });
  if (holder.pid === undefined) throw new Error('no process');
  return { pid: holder.pid, end: () => void holder.kill('SIGKILL') };
}

async function startRegistry(dir: string, netns: Netns): Promise<ChildProcess> {
  const config = join(dir, 'registry.yml');
  writeFileSync(config, `version: 0.1\nstorage: {filesystem: {rootdirectory: ${registryStore}}}\nhttp: {addr: "127.0.0.1:5000"}\nlog: {level: error}\n`);
  const child = spawn('nsenter', [`--net=/proc/${netns.pid}/ns/net`, '--', 'docker-registry', 'serve', config], { stdio: 'ignore' });
  await eventually(() => run('nsenter', [`--net=/proc/${netns.pid}/ns/net`, '--', 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', 'http://127.0.0.1:5000/v2/']), ({ stdout }) => stdout === '200', 10_000);
  return child;
}

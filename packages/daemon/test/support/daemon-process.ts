import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, globSync, mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const bin = new URL('../../src/bin.ts', import.meta.url).pathname;
const peers = process.env['PEERS'] ?? '/tmp/peer';

const onPath = (program: string): boolean => (process.env['PATH'] ?? '').split(delimiter).some((dir) => existsSync(join(dir, program)));

/** Why the daemon cannot be tried here; empty where it can. */
export const missing: string = [
  process.getuid?.() === 0 ? '' : 'root',
  onPath('docker') ? '' : 'the docker command',
  onPath('docker-registry') && existsSync(join(peers, 'registry/docker')) ? '' : 'the registry of tools/lab/peers.sh up',
].filter((what) => what !== '').join(', ');

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(program: string, args: readonly string[], o: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...o.env }, stdio: ['pipe', 'pipe', 'pipe'], timeout: 90_000, killSignal: 'SIGKILL' });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(o.input ?? '');
    child.once('error', reject).once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

export async function eventually<T>(look: () => Promise<T> | T, good: (value: T) => boolean, milliseconds = 10_000): Promise<T> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const value = await look();
    if (good(value)) return value;
    if (performance.now() > deadline) throw new Error(`not so after ${milliseconds} ms: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Processes whose command line names this folder, the asking one excepted. */
export function processesNaming(folder: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false; // ended meanwhile
    }
  });
}

const mountsUnder = (folder: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.split(' ')[4]?.startsWith(folder) === true);

/** The control groups of the engine on a data root, children first. */
export function cgroupsOf(dataRoot: string): string[] {
  const name = `gantry-${createHash('sha256').update(dataRoot).digest('hex').slice(0, 8)}`;
  const own = readdirSync('/sys/fs/cgroup', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join('/sys/fs/cgroup', entry.name, name))
    .concat(join('/sys/fs/cgroup', name))
    .filter((path) => existsSync(path));
  return own.flatMap((path) => [path, ...globSync(`${path}/**/`)]).sort((a, b) => b.length - a.length);
}

/** A network namespace with loopback, and in it the lab's registry at 127.0.0.1:5000. */
export class Namespace implements AsyncDisposable {
  readonly holder: ChildProcess;
  readonly #registry: ChildProcess[] = [];

  private constructor(holder: ChildProcess) {
    this.holder = holder;
  }

  static async make(): Promise<Namespace> {
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo up && exec sleep infinity'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      holder.stdout.once('data', () => resolve());
      holder.once('exit', () => reject(new Error('no network namespace: needs unshare and ip')));
    });
    return new Namespace(holder);
  }

  /** `nsenter` with what comes before a program's own words. */
  get enter(): readonly string[] {
    return [`--net=/proc/${this.holder.pid ?? 0}/ns/net`, '--'];
  }

  async startRegistry(folder: string): Promise<void> {
    const config = join(folder, 'registry.yml');
    writeFileSync(config, `version: 0.1\nstorage: {filesystem: {rootdirectory: ${join(peers, 'registry')}}}\nhttp: {addr: "127.0.0.1:5000"}\nlog: {level: error}\n`);
    this.#registry.push(spawn('nsenter', [...this.enter, 'docker-registry', 'serve', config], { stdio: 'ignore' }));
    await eventually(() => run('nsenter', [...this.enter, 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', 'http://127.0.0.1:5000/v2/']), ({ stdout }) => stdout === '200');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#registry, this.holder]) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }
  }
}

/** `gantryd` from its sources, with a folder and a network namespace of its own. */
export class DaemonProcess implements AsyncDisposable {
  readonly dir: string;
  readonly socket: string;
  readonly #net: Namespace;
  #child: ChildProcess | undefined;

  private constructor(dir: string, net: Namespace) {
    this.dir = dir;
    this.socket = join(dir, 's');
    this.#net = net;
  }

  static async make(o: { readonly registry?: boolean } = {}): Promise<DaemonProcess> {
    const dir = mkdtempSync(join(tmpdir(), 'gantry-test-daemon-'));
    const net = await Namespace.make();
    if (o.registry === true) await net.startRegistry(dir);
    writeFileSync(join(dir, 'daemon.json'), '{}', { mode: 0o600 });
    return new DaemonProcess(dir, net);
  }

  get pid(): number {
    return Number(readFileSync(join(this.dir, 'pid'), 'utf8'));
  }

  log(): string {
    return readFileSync(join(this.dir, 'log'), 'utf8');
  }

  /** The command line of a daemon on this folder, for `nsenter`. */
  words(...more: readonly string[]): readonly string[] {
    const at = (name: string): string => join(this.dir, name);
    return [
      ...this.#net.enter, process.execPath, '--conditions=@gantry/source', '--disable-warning=ExperimentalWarning', bin, '--host', `unix://${this.socket}`, '--data-root', at('data'),
      '--exec-root', at('run'), '--pidfile', at('pid'), '--config-file', at('daemon.json'), ...more,
    ];
  }

  /** Starts it; resolves with the milliseconds until it answered. */
  async start(...more: readonly string[]): Promise<number> {
    const log = openSync(join(this.dir, 'log'), 'a');
    const began = performance.now();
    const child = spawn('nsenter', this.words(...more), { stdio: ['ignore', log, log, 'pipe'] });
    closeSync(log);
    this.#child = child;
    await eventually(() => this.api('GET', '/_ping').catch(() => undefined), (answer) => {
      if (child.exitCode !== null) throw new Error(`the daemon ended: ${this.log()}`);
      return answer?.status === 200;
    }, 20_000);
    return performance.now() - began;
  }

  /** Sends a signal; resolves with the exit code once it is gone. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    process.kill(this.pid, signal);
    await gone;
    return child.exitCode;
  }

  docker(...args: readonly string[]): Promise<Result> {
    return this.dockerWith('', ...args);
  }

  dockerWith(input: string, ...args: readonly string[]): Promise<Result> {
    return run('docker', args, { input, env: { DOCKER_HOST: `unix://${this.socket}`, DOCKER_CONFIG: join(this.dir, 'docker') } });
  }

  api(method: string, path: string): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const req = request({ socketPath: this.socket, method, path, agent: false }, (res) => {
        let body = '';
        res.setEncoding('utf8').on('data', (chunk: string) => (body += chunk)).on('end', () => resolve({ status: res.statusCode ?? 0, body }));
      });
      req.on('error', reject).end();
    });
  }

  async json(method: string, path: string): Promise<unknown> {
    return JSON.parse((await this.api(method, path)).body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const list = await this.json('GET', '/containers/json?all=1').catch(() => []);
      if (Array.isArray(list)) for (const { Id } of list as readonly { readonly Id: string }[]) await this.api('DELETE', `/containers/${Id}?force=1`);
      await this.end('SIGTERM');
    } finally {
      await this.end('SIGKILL').catch(() => null);
      // The helper that keeps containers outlives its daemon on purpose; a test's ends with the test.
      for (const pid of processesNaming(this.dir)) process.kill(pid, 'SIGKILL');
      await this.#net[Symbol.asyncDispose]();
      await eventually(() => mountsUnder(this.dir), (mounts) => mounts.length === 0);
      for (const cgroup of new Set(cgroupsOf(join(this.dir, 'data')).map((path) => path.replace(/\/$/, '')))) rmdirSync(cgroup);
      rmSync(this.dir, { recursive: true, force: true });
    }
  }
}

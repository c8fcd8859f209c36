import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { decodeProgram, type Instruction } from './bpf/interpreter.ts';
import type { Variant } from './recording.ts';

/** The field of an answer, which must be there: an engine that answers otherwise is none we can compare with. */
function field(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null) throw new Error(`the engine's answer has no ${path.join('.')}`);
    at = Object.entries(at).find(([key]) => key === name)?.[1];
  }
  return at;
}

/** A Docker engine behind a Unix socket: as much of its API as it takes to look at the filter of a container. */
export class DockerEngine {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Engines that the environment names and that have a socket; each once. */
  static here(): DockerEngine[] {
    const named = [process.env['DOCKER_HOST'], process.env['MODERN_DOCKER_HOST'], 'unix:///var/run/docker.sock'];
    const sockets = new Set(named.filter((host) => host?.startsWith('unix://')).map((host) => host?.slice('unix://'.length) ?? ''));
    return [...sockets].filter((socket) => existsSync(socket)).map((socket) => new DockerEngine(socket));
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const call = request({ socketPath: this.#socket, method, path: `/v1.41${path}`, headers: { 'content-type': 'application/json' }, timeout: 30_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${text.trim()}`));
        else resolve(text === '' ? undefined : JSON.parse(text));
      });
    });
    call.on('error', reject);
    call.on('timeout', () => call.destroy(new Error(`${method} ${path}: no answer`)));
    call.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }

  /** Its version and that of its API, such as 1.56. */
  async version(): Promise<{ readonly engine: string; readonly api: number }> {
    const answer = await this.#call('GET', '/version');
    return { engine: String(field(answer, 'Version')), api: Number(field(answer, 'ApiVersion')) };
  }

  /** Versions of the kernel and the runtime too. */
  async versions(): Promise<Record<string, string>> {
    const answer = await this.#call('GET', '/version');
    const components = field(answer, 'Components');
    const listed: readonly unknown[] = Array.isArray(components) ? components : [];
    const runc = listed.find((component) => field(component, 'Name') === 'runc');
    return { docker: String(field(answer, 'Version')), runc: String(field(runc, 'Version')), kernel: String(field(answer, 'KernelVersion')) };
  }

  /**
   * Starts a container of the local image `busybox`, hands out its first process and removes it.
   *
   * @param profile a profile file's content instead of the default policy
   */
  async withProcess<T>(variant: Variant, look: (pid: number) => T, profile?: string): Promise<T> {
    const security = variant.unconfined === true ? ['seccomp=unconfined'] : profile === undefined ? [] : [`seccomp=${profile}`];
    const created = await this.#call('POST', '/containers/create', {
      Image: 'busybox',
      Cmd: ['sleep', '600'],
      NetworkDisabled: true,
      Labels: { 'gantry.test': 'seccomp' },
      HostConfig: { NetworkMode: 'none', Privileged: variant.privileged ?? false, CapAdd: variant.capAdd ?? [], CapDrop: variant.capDrop ?? [], SecurityOpt: security },
    });
    const id = String(field(created, 'Id'));
    try {
      await this.#call('POST', `/containers/${id}/start`);
      return look(Number(field(await this.#call('GET', `/containers/${id}/json`), 'State', 'Pid')));
    } finally {
      await this.#call('DELETE', `/containers/${id}?force=true`);
    }
  }

  /** The filter that a container runs under, read from the kernel; `undefined` without one. */
  async filter(helper: string, variant: Variant, profile?: string): Promise<Instruction[] | undefined> {
    return this.withProcess(variant, (pid) => dumpFilter(helper, pid), profile);
  }
}

function dumpFilter(helper: string, pid: number): Instruction[] | undefined {
  const dump = spawnSync(helper, ['dump', String(pid)], { encoding: 'utf8' });
  if (dump.status !== 0) throw new Error(dump.stderr);
  const lines = dump.stdout.split('\n').filter((line) => line !== '');
  if (lines.length > 1) throw new Error(`${lines.length} filters where one was expected`);
  return lines[0] === undefined ? undefined : decodeProgram(Buffer.from(lines[0], 'hex'));
}

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { busyboxRootfs } from '@gantry/conformance/runtime';
import type { Attached, DriverContext, Runtime } from '@gantry/driver-api';
import { openNative } from '@gantry/linux';
import { dockerCapabilities, dockerMounts, type OciProcess, type OciSpec } from '@gantry/oci';

const nothing = (): void => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => log };

/** A place for a runtime to live in, with a tree for its containers; nothing of it is left afterwards. */
export class World {
  readonly root: string = mkdtempSync('/tmp/gantry-test-rt-');
  readonly instance: string = randomBytes(4).toString('hex');
  rootfs = '';

  static async make(): Promise<World> {
    const world = new World();
    for (const name of ['state', 'run', 'rootfs']) mkdirSync(`${world.root}/${name}`, { mode: 0o700 });
    world.rootfs = await busyboxRootfs(`${world.root}/rootfs`);
    return world;
  }

  context(session = 'one', bootId = 'boot'): DriverContext {
    return { instance: this.instance, session, bootId, domain: 'local', stateDir: `${this.root}/state`, runDir: `${this.root}/run`, log, signal: new AbortController().signal };
  }

  spec(script: string, change: Partial<OciSpec['linux'] & object> = {}, process: Partial<OciProcess> = {}): OciSpec {
    return {
      ociVersion: '1.2.0',
      process: {
        args: ['/bin/sh', '-c', script],
        cwd: '/',
        env: ['PATH=/bin'],
        user: { uid: 0, gid: 0 },
        capabilities: { bounding: dockerCapabilities, permitted: dockerCapabilities, effective: dockerCapabilities },
        ...process,
      },
      root: { path: this.rootfs },
      mounts: [...dockerMounts, { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['mode=1777'] }],
      linux: change,
    };
  }

  /** A container that waits to be started, in a sandbox of the same name. */
  async create(runtime: Runtime, id: string, spec: OciSpec): Promise<void> {
    await runtime.openSandbox({ id, namespaces: ['pid', 'net', 'ipc', 'uts', 'cgroup'], sysctls: {} });
    await runtime.create({ id, token: `token of ${id}`, sandbox: id, spec, rootfs: { path: this.rootfs }, io: { terminal: false, stdin: false }, options: {} });
  }

  /** Runs a container to its end and takes it away. */
  async run(runtime: Runtime, id: string, spec: OciSpec): Promise<{ readonly code: number; readonly output: string }> {
    await this.create(runtime, id, spec);
    await using attached = await runtime.attach(id, { stdin: false, lossless: true, bufferBytes: 65_536 });
    await runtime.start(id);
    const output = await textOf(attached);
    const { code } = await runtime.wait(id);
    await runtime.delete(id);
    await runtime.closeSandbox(id);
    return { code, output };
  }

  async end(): Promise<void> {
    const native = await openNative({ runDir: `${this.root}/run`, instance: this.instance });
    await native.quit();
    await native[Symbol.asyncDispose]();
    while (isAlive(native.pid)) await sleep(5);
    rmSync(this.root, { recursive: true });
  }
}

/** Both outputs together, to their end. */
export async function textOf({ output }: Attached): Promise<string> {
  const chunks = await Array.fromAsync(output, ({ data }) => data);
  return Buffer.concat(chunks).toString();
}

/** A dead process that its parent has not looked after yet is none. */
export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
}

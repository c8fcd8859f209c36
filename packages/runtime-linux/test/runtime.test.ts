import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CreateRequest, Runtime } from '@gantry/driver-api';
import plugins from '../src/index.ts';
import { probeHost, probeRuntime } from '../src/probe.ts';
import { runtimePlugin } from '../src/runtime-plugin.ts';
import { World } from './world.ts';

let world: World;
let runtime: Runtime;

beforeEach(async () => {
  world = await World.make();
  runtime = await runtimePlugin.open(world.context(), {});
});

afterEach(async () => {
  for await (const { id } of runtime.list()) await runtime.delete(id, { force: true });
  await runtime.closeSandbox('s');
  await runtime[Symbol.asyncDispose]();
  await world.end();
});

function request(change: Partial<CreateRequest> = {}): CreateRequest {
  return { id: 'c', token: 't', sandbox: 's', spec: world.spec('exit 5'), rootfs: { path: world.rootfs }, io: { terminal: false, stdin: false }, options: {}, ...change };
}

describe('the package', () => {
  it('exports a runtime and a host, both named linux', () => {
    expect([plugins].flat().map(({ kind, name }) => `${kind} ${name}`)).toEqual(['runtime linux', 'host linux']);
  });
});

describe.runIf(process.getuid?.() === 0)('the runtime', () => {
  it('says that it can work here, and what it can do', async () => {
    expect([await probeRuntime(), probeHost()]).toEqual([{ ok: true }, { ok: true }]);
    expect(runtime.capabilities).toMatchObject({ pause: true, update: true, checkpoint: false, pool: false });
    expect(Object.fromEntries(await runtime.status())).toMatchObject({ Containers: '0', 'Cgroup Driver': 'cgroupfs' });
  });

  it.each<[string, Partial<CreateRequest>, string, string]>([
    ['an option that it does not know', { options: { nosuch: 1 } }, 'invalid', 'runtime-option-unknown'],
    ['a choice of filter that is none', { options: { seccomp: 'none' } }, 'invalid', 'spec-field-invalid'],
    ['a checkpoint', { restore: { dir: '/x' } }, 'notImplemented', 'checkpoint-unsupported'],
    ['a log that is to be drained', { io: { terminal: false, stdin: false, log: { format: 'frames', path: '/x', maxBytes: 0, maxFiles: 1, attrs: {}, full: 'drop', bufferBytes: 1 } } }, 'notImplemented', 'log-format-unsupported'],
    ['a terminal that spec and streams disagree on', { io: { terminal: true, stdin: false } }, 'invalid', 'spec-field-invalid'],
    ['a root that is a list of mounts', { rootfs: { mounts: [] } }, 'notImplemented', 'rootfs-unsupported'],
    ['an id that is a path', { id: '../c' }, 'invalid', 'id-invalid'],
    ['a sandbox that is not open', { sandbox: 'nosuch' }, 'notFound', 'sandbox-not-found'],
  ])('refuses %s, and the sandbox is as it was', async (_what, change, kind, code) => {
    await runtime.openSandbox({ id: 's', namespaces: ['pid', 'net', 'ipc', 'uts', 'cgroup'], sysctls: {} });
    await expect(runtime.create(request(change))).rejects.toMatchObject({ kind, code });
    await runtime.create(request());
    await runtime.start('c');
    expect((await runtime.wait('c')).code).toBe(5);
  });

  it('refuses what has not even the shape of a spec', async () => {
    await runtime.openSandbox({ id: 's', namespaces: ['pid'], sysctls: {} });
    const broken = JSON.parse('{"ociVersion":"1.2.0","process":{"args":7,"cwd":"/"}}') as CreateRequest['spec'];
    await expect(runtime.create(request({ spec: broken }))).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('undoes a container whose root is missing, and makes the next one in the same sandbox', async () => {
    await runtime.openSandbox({ id: 's', namespaces: ['pid', 'net', 'ipc', 'uts', 'cgroup'], sysctls: {} });
    await expect(runtime.create(request({ rootfs: { path: '/nonexistent' } }))).rejects.toMatchObject({ details: expect.objectContaining({ errno: 'ENOENT' }) as object });
    await expect(runtime.state('c')).rejects.toMatchObject({ kind: 'notFound' });
    await runtime.create(request({ token: 'other' }));
    await runtime.start('c');
    expect((await runtime.wait('c')).code).toBe(5);
  });

  it('takes a root that is an overlay', async () => {
    await runtime.openSandbox({ id: 's', namespaces: ['pid', 'net', 'ipc', 'uts', 'cgroup'], sysctls: {} });
    for (const name of ['upper', 'work']) mkdirSync(`/dev/shm/gantry-test-${world.instance}/${name}`, { recursive: true });
    try {
      const options = [`lowerdir=${world.rootfs}`, `upperdir=/dev/shm/gantry-test-${world.instance}/upper`, `workdir=/dev/shm/gantry-test-${world.instance}/work`];
      await runtime.create(request({ spec: world.spec('echo own > /own'), rootfs: { mounts: [{ type: 'overlay', source: 'overlay', options }] } }));
      await runtime.start('c');
      expect((await runtime.wait('c')).code).toBe(0);
      expect(readFileSync(`/dev/shm/gantry-test-${world.instance}/upper/own`, 'utf8')).toBe('own\n');
      await runtime.delete('c');
      await runtime.closeSandbox('s');
    } finally {
      rmSync(`/dev/shm/gantry-test-${world.instance}`, { recursive: true });
    }
    expect(existsSync(`${world.rootfs}/own`)).toBe(false);
  });

  it('puts Docker\'s filter on a container that asks for the default one, and none unless asked', async () => {
    const probe = 'grep "^Seccomp:" /proc/self/status; cat /proc/self/status > /dev/null';
    for (const [options, mode] of [[{ seccomp: 'default' }, '2'], [{ seccomp: 'unconfined' }, '0'], [{}, '0']] as const) {
      await runtime.openSandbox({ id: 's', namespaces: ['pid', 'net', 'ipc', 'uts', 'cgroup'], sysctls: {} });
      await runtime.create(request({ spec: world.spec(probe), options }));
      await using attached = await runtime.attach('c', { stdin: false, lossless: true, bufferBytes: 4096 });
      await runtime.start('c');
      const chunks = await Array.fromAsync(attached.output, ({ data }) => data);
      expect(Buffer.concat(chunks).toString()).toBe(`Seccomp:\t${mode}\n`);
      await runtime.wait('c');
      await runtime.delete('c');
      await runtime.closeSandbox('s');
    }
  });

  it('makes groups under the parent that was asked for', async () => {
    const parent = `/gantry-${world.instance}/batch/low`;
    await runtime.openSandbox({ id: 's', namespaces: ['pid', 'net', 'ipc', 'uts', 'cgroup'], sysctls: {}, cgroupParent: parent });
    await runtime.create(request({ spec: world.spec('sleep 1000') }));
    const { pid = 0 } = await runtime.start('c');
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(`${parent}/s\n`);
    expect(await runtime.pids('c')).toContain(pid);
    await runtime.delete('c', { force: true });
    await runtime.closeSandbox('s');
  });
});

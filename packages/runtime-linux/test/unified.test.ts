import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Runtime } from '@gantry/driver-api';
import { detectCgroups } from '@gantry/linux';
import { dockerDeviceRules, type OciLinux } from '@gantry/oci';
import { findCgroups } from '../src/cgroup/tree.ts';
import { openRuntime } from '../src/open-runtime.ts';
import { World } from './world.ts';

const { v2 } = await detectCgroups();

let world: World;
let runtime: Runtime;

beforeEach(async () => {
  world = await World.make();
  const found = await findCgroups();
  // On a hybrid machine the unified hierarchy has hardly a controller, but all that needs none works there as it does alone.
  runtime = await openRuntime(world.context(), found.v2 === undefined ? found : { mode: 'v2', v1: [], v2: found.v2 });
});

afterEach(async () => {
  for await (const { id, sandbox } of runtime.list()) {
    await runtime.delete(id, { force: true });
    await runtime.closeSandbox(sandbox);
  }
  await runtime[Symbol.asyncDispose]();
  await world.end();
});

const linux = (change: OciLinux = {}): OciLinux => ({ resources: { devices: dockerDeviceRules }, ...change });

describe.runIf(process.getuid?.() === 0 && v2 !== undefined)('control groups of version 2', () => {
  it('decide on devices by a program, which can be changed', async () => {
    const probe = 'dd if=/dev/fuse of=/dev/null bs=1 count=0 2>&1 | grep -o "not permitted"; echo x > /dev/null && echo null; head -c 1 /dev/zero | wc -c';
    const devices = [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229 }] as const;
    expect((await world.run(runtime, 'denied', world.spec(probe, linux({ devices })))).output).toBe('not permitted\nnull\n1\n');
    const allow = [...dockerDeviceRules, { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' }] as const;
    expect((await world.run(runtime, 'allowed', world.spec(probe, { devices, resources: { devices: allow } }))).output).toBe('null\n1\n');
    expect((await world.run(runtime, 'norules', world.spec('mknod /tmp/sda b 8 0 2>&1 | grep -o "not permitted"; echo', {}))).output).toBe('not permitted\n\n');

    await world.create(runtime, 'c', world.spec('sleep 1000', linux({ devices })));
    await runtime.start('c');
    const open = async (): Promise<number> => {
      await runtime.exec('c', 'x', { args: ['/bin/sh', '-c', 'exec 3< /dev/null'], cwd: '/', user: { uid: 0, gid: 0 } }, { terminal: false, stdin: false });
      await runtime.start('c', 'x');
      const { code } = await runtime.wait('c', { execId: 'x' });
      await runtime.delete('c', { execId: 'x' });
      return code;
    };
    expect(await open()).toBe(0);
    await runtime.update('c', { devices: [{ allow: false, access: 'rwm' }] });
    expect(await open()).toBe(0); // one of every container's
    await runtime.update('c', { devices: [{ allow: true }, { allow: false, type: 'c', major: 1, access: 'r' }] });
    expect(await open()).not.toBe(0);
  });

  it('freeze and kill as a whole', async () => {
    await world.create(runtime, 'c', world.spec('sh -c "while true; do true; done" & while true; do true; done', linux()));
    await runtime.start('c');
    await runtime.pause('c');
    const before = (await runtime.stats('c')).cpu.ns;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await runtime.stats('c')).cpu.ns).toBe(before);
    await runtime.resume('c');
    await runtime.pause('c');
    await runtime.kill('c', 9);
    expect((await runtime.wait('c')).code).toBe(137);
    expect(await runtime.pids('c')).toEqual([]);
  });

  it('are mounted for the container from its own group down, read-only', async () => {
    const { output } = await world.run(runtime, 'c', world.spec('cat /proc/self/cgroup; ls -d /sys/fs/cgroup/gantry-* 2>/dev/null; test -e /sys/fs/cgroup/cgroup.procs && echo mounted; mkdir /sys/fs/cgroup/x 2>&1 | grep -o "Read-only file system"', linux()));
    expect(output).toContain('0::/\n');
    expect(output.split('\n').slice(-3)).toEqual(['mounted', 'Read-only file system', '']);
    expect(output).not.toContain('gantry-');
  });

  it('say which limits this machine can not keep', async () => {
    await runtime.openSandbox({ id: 's', namespaces: ['pid'], sysctls: {} });
    const spec = world.spec('true', { namespaces: [{ type: 'pid' }], resources: { memory: { swappiness: 10 } } });
    await expect(runtime.create({ id: 'c', token: 't', sandbox: 's', spec, rootfs: { path: world.rootfs }, io: { terminal: false, stdin: false }, options: {} })).rejects.toMatchObject({
      kind: 'notImplemented',
      details: { field: 'linux.resources.memory.swappiness' },
    });
    await runtime.closeSandbox('s');
  });

  it('leave nothing', async () => {
    await world.run(runtime, 'c', world.spec('true', linux()));
    await runtime[Symbol.asyncDispose]();
    expect(existsSync(`${v2?.mountpoint ?? ''}/gantry-${world.instance}`)).toBe(false);
    runtime = await openRuntime(world.context(), await findCgroups());
  });
});

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Exit, Runtime, RuntimeEvent } from '@gantry/driver-api';
import { openNative } from '@gantry/linux';
import { runtimePlugin } from '../src/runtime-plugin.ts';
import { Journal } from '../src/state/journal.ts';
import { isAlive, World } from './world.ts';

let world: World;
let runtime: Runtime;

const open = (session = 'one', bootId = 'boot'): Promise<Runtime> => runtimePlugin.open(world.context(session, bootId), {});

beforeEach(async () => {
  world = await World.make();
  runtime = await open();
});

afterEach(async () => {
  for await (const { id } of runtime.list()) await runtime.delete(id, { force: true });
  for (const id of ['a', 'b', 'c']) await runtime.closeSandbox(id);
  await runtime[Symbol.asyncDispose]();
  await world.end();
});

async function start(id: string): Promise<number> {
  await world.create(runtime, id, world.spec('sleep 1000 & sleep 1000'));
  return (await runtime.start(id)).pid ?? 0;
}

async function keepers(): Promise<readonly { readonly pid: number; readonly dir: string }[]> {
  await using native = await openNative({ runDir: `${world.root}/run`, instance: world.instance });
  return await native.keepers();
}

function kill(pid: number): void {
  process.kill(pid, 'SIGKILL');
}

async function retained(): Promise<RuntimeEvent[]> {
  const end = new AbortController();
  const seen: RuntimeEvent[] = [];
  const reading = (async () => {
    for await (const event of runtime.events({ signal: end.signal })) seen.push(event);
  })();
  await sleep(30);
  end.abort();
  await expect(reading).rejects.toMatchObject({ kind: 'aborted' });
  return seen;
}

function groups(): string[] {
  const folder = `/sys/fs/cgroup/pids/gantry-${world.instance}`;
  return existsSync(folder) ? readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])) : [];
}

describe.runIf(process.getuid?.() === 0)('a keeper that dies', () => {
  it('takes its container and execs with it, and all of them are told as lost', async () => {
    const pid = await start('a');
    await runtime.exec('a', 'x', { args: ['/bin/sleep', '1000'], cwd: '/', user: { uid: 0, gid: 0 } }, { terminal: false, stdin: false });
    await runtime.start('a', 'x');
    const waits = [runtime.wait('a'), runtime.wait('a', { execId: 'x' })];
    for (const keeper of await keepers()) kill(keeper.pid);
    const exits = await Promise.all(waits);
    expect(exits).toMatchObject([{ code: 137, lost: 'keeper' }, { code: 137, lost: 'keeper' }] satisfies Partial<Exit>[]);
    expect(isAlive(pid)).toBe(false);
    expect(await runtime.pids('a')).toEqual([]);
    expect((await retained()).map(({ type, execId }) => [execId, type])).toEqual([[undefined, 'create'], [undefined, 'start'], ['x', 'start'], ['x', 'exit'], [undefined, 'exit']]);
    await expect(runtime.kill('a', 9)).rejects.toMatchObject({ kind: 'conflict' });
    expect(await runtime.delete('a')).toMatchObject({ code: 137, lost: 'keeper' });
    await runtime.closeSandbox('a');
    expect(groups()).toEqual([]);
  });

  it('while nobody listens is found out later', async () => {
    await start('a');
    await runtime[Symbol.asyncDispose]();
    for (const keeper of await keepers()) kill(keeper.pid);
    runtime = await open('two');
    expect(await runtime.state('a')).toMatchObject({ status: 'stopped', exit: { code: 137, lost: 'keeper' } });
    expect((await retained()).map(({ type }) => type)).toEqual(['create', 'start', 'exit']);
  });

  it('with its zygote is found out too, and what they held is cleared', async () => {
    const pid = await start('a');
    await using native = await openNative({ runDir: `${world.root}/run`, instance: world.instance });
    const [keeper] = await keepers();
    await runtime[Symbol.asyncDispose]();
    kill(native.pid);
    kill(keeper?.pid ?? 0);
    while (isAlive(pid)) await sleep(5);
    runtime = await open('two');
    expect(await runtime.state('a')).toMatchObject({ status: 'stopped', exit: { code: 137, lost: 'keeper' } });
    await runtime.delete('a');
    await runtime.closeSandbox('a');
    expect(groups()).toEqual([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(world.root);
  });

  it('while its container is paused leaves nothing that hangs', async () => {
    const pid = await start('a');
    await runtime.pause('a');
    for (const keeper of await keepers()) kill(keeper.pid);
    expect(await runtime.wait('a')).toMatchObject({ code: 137, lost: 'keeper' });
    await runtime.delete('a');
    await runtime.closeSandbox('a');
    expect([isAlive(pid), groups()]).toEqual([false, []]);
  });

  it('before its container was made spoils the sandbox, which can be closed and opened again', async () => {
    const request = { id: 'a', namespaces: ['pid' as const, 'net' as const], sysctls: {} };
    await runtime.openSandbox(request);
    for (const keeper of await keepers()) kill(keeper.pid);
    await sleep(50);
    const spec = world.spec('exit 4', { namespaces: [{ type: 'pid' }, { type: 'network' }] });
    const create = { id: 'a', token: 't', sandbox: 'a', spec, rootfs: { path: world.rootfs }, io: { terminal: false, stdin: false }, options: {} };
    await expect(runtime.create(create)).rejects.toMatchObject({ kind: 'unavailable' });
    await runtime.closeSandbox('a');
    await runtime.openSandbox(request);
    await runtime.create(create);
    await runtime.start('a');
    expect((await runtime.wait('a')).code).toBe(4);
  });
});

describe.runIf(process.getuid?.() === 0)('a zygote that dies', () => {
  it('leaves containers and their exits alone', async () => {
    await world.create(runtime, 'a', world.spec('sleep 0.3; exit 9'));
    await runtime.start('a');
    const native = await openNative({ runDir: `${world.root}/run`, instance: world.instance });
    kill(native.pid);
    await native[Symbol.asyncDispose]();
    expect((await runtime.wait('a')).code).toBe(9);
    await runtime[Symbol.asyncDispose]();
    runtime = await open('two');
    expect(await runtime.state('a')).toMatchObject({ status: 'stopped', exit: { code: 9 } });
    await start('b');
  });
});

describe.runIf(process.getuid?.() === 0)('a machine that was down', () => {
  it('has lost what ran, with 255, and forgets what was only being made', async () => {
    await start('a');
    await world.create(runtime, 'b', world.spec('true'));
    await runtime[Symbol.asyncDispose]();
    for (const keeper of await keepers()) kill(keeper.pid); // the machine does it
    runtime = await open('two', 'boot after');
    expect(await runtime.state('a')).toMatchObject({ status: 'stopped', exit: { code: 255, oomKilled: false, lost: 'reboot' } });
    expect(await runtime.wait('b')).toMatchObject({ code: 255, lost: 'reboot' });
    expect(await runtime.delete('a')).toMatchObject({ code: 255 });
    await runtime.closeSandbox('a');
    await runtime.openSandbox({ id: 'a', namespaces: ['pid', 'net', 'ipc', 'uts', 'cgroup'], sysctls: {} });
    expect((await runtime.openSandbox({ id: 'a', namespaces: ['pid', 'net', 'ipc', 'uts', 'cgroup'], sysctls: {} })).id).toBe('a');
  });

  it('opens a sandbox of before again, as if it had been closed', async () => {
    const request = { id: 'a', namespaces: ['net' as const], sysctls: {} };
    const before = await runtime.openSandbox(request);
    await runtime[Symbol.asyncDispose]();
    for (const keeper of await keepers()) kill(keeper.pid);
    runtime = await open('two', 'boot after');
    const after = await runtime.openSandbox(request);
    expect(after.namespaces.net).not.toBe(before.namespaces.net);
    expect(existsSync(before.namespaces.net ?? '')).toBe(false);
  });
});

describe.runIf(process.getuid?.() === 0)('what a killed process left', () => {
  it('half a deletion is finished', async () => {
    await start('a');
    await runtime.kill('a', 9);
    await runtime.wait('a');
    await runtime[Symbol.asyncDispose]();
    rmSync(`${world.root}/state/containers/a.json`); // the event was not told yet
    runtime = await open('two');
    await expect(runtime.state('a')).rejects.toMatchObject({ kind: 'notFound' });
    expect((await retained()).map(({ type }) => type)).toEqual(['create', 'start', 'exit', 'delete']);
    expect(await runtime.delete('a')).toBeNull();
    await runtime.closeSandbox('a');
    expect(groups()).toEqual([]);
  });

  it('a record that can not be read is reported, and what it named is ended', async () => {
    const pid = await start('a');
    await runtime[Symbol.asyncDispose]();
    for (const name of ['containers/a.json', 'sandboxes/a.json']) writeFileSync(`${world.root}/state/${name}`, '');
    runtime = await open('two');
    const check = async (repair: boolean): Promise<unknown[]> => (await Array.fromAsync(runtime.check({ repair }))).map(({ id, code, repaired }) => [id, code, repaired]);
    expect(await check(false)).toEqual([['a', 'sandbox-record-damaged', false], ['a', 'container-record-damaged', false]]);
    expect(await check(true)).toEqual([['a', 'sandbox-record-damaged', true], ['a', 'container-record-damaged', true]]);
    expect(await check(false)).toEqual([]);
    await start('a'); // waits until what was left is swept
    expect(isAlive(pid)).toBe(false);
    expect(groups()).toEqual(['a']);
  });

  it('a slot that nobody claimed is ended', async () => {
    await runtime.openSandbox({ id: 'a', namespaces: ['pid'], sysctls: {} });
    await runtime[Symbol.asyncDispose]();
    const [keeper] = await keepers();
    rmSync(`${world.root}/state/sandboxes/a.json`); // as if it had not been written yet
    runtime = await open('two');
    await runtime.openSandbox({ id: 'b', namespaces: ['pid'], sysctls: {} });
    expect(isAlive(keeper?.pid ?? 0)).toBe(false);
    expect((await keepers()).length).toBe(1);
  });

  it('slots of another runtime with the same folder of sockets are left alone', async () => {
    const pid = await start('a');
    mkdirSync(`${world.root}/other`);
    const other = await runtimePlugin.open({ ...world.context('two'), stateDir: `${world.root}/other` }, {});
    await other.openSandbox({ id: 'b', namespaces: ['pid'], sysctls: {} });
    await other.closeSandbox('b');
    await other[Symbol.asyncDispose]();
    expect([isAlive(pid), (await runtime.state('a')).status]).toEqual([true, 'running']);
  });
});

describe.runIf(process.getuid?.() === 0)('a full disk', () => {
  it('stops no event from being told, and is caught up with when there is room', async () => {
    const folder = `${world.root}/full`;
    mkdirSync(folder);
    await using native = await openNative({ runDir: `${world.root}/run`, instance: world.instance });
    await native.mount({ source: 'tmpfs', target: folder, fstype: 'tmpfs', flags: 0, data: 'size=8k' });
    try {
      writeFileSync(`${folder}/filler`, Buffer.alloc(4096));
      const journal = await Journal.open(`${folder}/journal`);
      const written: boolean[] = [];
      for (let n = 0; n < 60; n += 1) written.push(journal.append({ id: `c${n}`, type: 'create', at: 't'.repeat(50) }));
      expect([written[0], written.at(-1), journal.lives().size]).toEqual([true, false, 60]);
      rmSync(`${folder}/filler`);
      expect(journal.append({ id: 'last', type: 'create', at: 't' })).toBe(true);
      journal.close();
      const again = await Journal.open(`${folder}/journal`);
      expect([...again.lives().keys()]).toEqual([...Array.from({ length: 60 }, (_, n) => `c${n}`), 'last']);
      again.close();
    } finally {
      await native.umount(folder, { detach: true });
    }
  });
});

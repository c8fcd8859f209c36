import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openNative } from '../src/index.ts';
import { anyText, exitOf, failure, pipes, plan, processPlan, readAll, runScript } from './support/plan.ts';
import { leftGroups, testGroups } from './support/groups.ts';
import { childrenOf, makeWorld, mountsBelow, processExists, reasonToSkip, until } from './support/world.ts';

describe.skipIf(reasonToSkip !== '')(`when something is killed ${reasonToSkip}`, () => {
  it('takes the container with its keeper, and the zygote records the end', async () => {
    await using world = await makeWorld();
    const groups = await testGroups(world.instance, 'x');
    const keeper = await world.keeper({ ...groups.request, pin: { net: join(world.dir, 'net') } });
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sh', '-c', 'sleep 1000 & sleep 1000'])) });
    await using attachment = await keeper.attach({ stdin: false, stdout: true, stderr: true, lossless: true, bufferBytes: 0 });
    const { pid } = await keeper.start();
    expect(mountsBelow(world.dir)).toEqual([join(world.dir, 'net')]);
    const told = new Promise((resolve) => void world.native.watchKeepers(resolve));
    await world.native.ping();
    process.kill(keeper.pid, 'SIGKILL');
    expect(await failure(readAll(attachment))).toMatchObject({ kind: 'unavailable', code: 'native-lost' });
    expect(await told).toMatchObject({ event: 'keeper-exit', key: keeper.key, status: 137 });
    expect(processExists(pid)).toBe(false);
    expect(readdirSync(keeper.dir)).toEqual(['exit.json']);
    expect(JSON.parse(readFileSync(join(keeper.dir, 'exit.json'), 'utf8'))).toEqual({ code: 137, oomKilled: false, lost: 'keeper', at: anyText });
    expect(mountsBelow(world.dir)).toEqual([]);
    expect(await leftGroups(world.instance)).toEqual([]);
    expect(await failure(world.native.connectKeeper(keeper.dir))).toMatchObject({ kind: 'notFound' });
    // Nobody is left to be told otherwise.
    await until(() => childrenOf(world.native.pid).length === 0, 'no child of the zygote');
    await keeper.closed;
  });

  it('keeps the record of a container that had ended before its keeper died', async () => {
    await using world = await makeWorld();
    const keeper = await world.keeper();
    const { exit } = await runScript(keeper, world.root, 'exit 6');
    const told = new Promise((resolve) => void world.native.watchKeepers(resolve));
    await world.native.ping();
    process.kill(keeper.pid, 'SIGKILL');
    await told;
    expect(JSON.parse(readFileSync(join(keeper.dir, 'exit.json'), 'utf8'))).toEqual(exit);
  });

  it('goes on without the zygote, and is found again', async () => {
    await using world = await makeWorld();
    const keeper = await world.keeper();
    const log = { format: 'json-file', path: join(keeper.dir, 'log'), maxBytes: 0, maxFiles: 1, attrs: {}, full: 'drop', bufferBytes: 0 } as const;
    await keeper.create({ token: 't', io: { terminal: false, stdin: true }, log, plan: plan(world.root, processPlan(['sh', '-c', 'echo before; read line; echo got $line; exit 8'])) });
    await keeper.start();
    process.kill(world.native.pid, 'SIGKILL');
    await until(() => !processExists(world.native.pid), 'the zygote is dead');
    await keeper[Symbol.asyncDispose]();
    await world.native[Symbol.asyncDispose]();
    await sleep(100);
    world.native = await openNative({ runDir: world.runDir, instance: world.instance });
    expect(await world.native.keepers()).toEqual([]);
    await using again = await world.native.connectKeeper(keeper.dir);
    expect(await again.state()).toMatchObject({ status: 'running', token: 't' });
    // A process can still be added, and the first one still be talked to.
    await again.exec({ execId: 'x', process: processPlan(['true']), io: pipes });
    await again.start('x');
    expect(await exitOf(again, 'x')).toMatchObject({ code: 0 });
    await using attachment = await again.attach({ stdin: true, stdout: true, stderr: true, lossless: true, bufferBytes: 0 });
    await attachment.stdin?.write(Buffer.from('it\n'));
    expect((await readAll(attachment)).stdout).toBe('got it\n');
    expect(await exitOf(again)).toMatchObject({ code: 8 });
    expect(readFileSync(log.path, 'utf8').split('\n').slice(0, -1).map((line) => (JSON.parse(line) as { log: string }).log)).toEqual(['before\n', 'got it\n']);
    expect(await again.delete()).toMatchObject({ code: 8 });
  });

  it('can be put away when keeper and zygote have died both', async () => {
    await using world = await makeWorld();
    const groups = await testGroups(world.instance, 'both');
    const keeper = await world.keeper({ ...groups.request, pin: { net: join(world.dir, 'net'), ipc: join(world.dir, 'ipc') } });
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000'])) });
    const { pid } = await keeper.start();
    expect(await failure(world.native.bury(keeper.dir))).toMatchObject({ kind: 'conflict' });
    process.kill(world.native.pid, 'SIGKILL');
    await until(() => !processExists(world.native.pid), 'the zygote is dead');
    process.kill(keeper.pid, 'SIGKILL');
    await until(() => !processExists(pid), 'the container is dead');
    expect(existsSync(join(keeper.dir, 'exit.json'))).toBe(false);
    await world.native[Symbol.asyncDispose]();
    world.native = await openNative({ runDir: world.runDir, instance: world.instance });
    expect(await world.native.bury(keeper.dir)).toBe(true);
    expect(JSON.parse(readFileSync(join(keeper.dir, 'exit.json'), 'utf8'))).toMatchObject({ code: 137, lost: 'keeper' });
    expect(mountsBelow(world.dir)).toEqual([]);
    expect(await leftGroups(world.instance)).toEqual([]);
    expect(await world.native.bury(keeper.dir)).toBe(false);
  });

  it('leaves nothing after a hundred lives', async () => {
    await using world = await makeWorld();
    const count = (): object => ({
      mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.includes(world.dir)).length,
      fds: readdirSync(`/proc/${world.native.pid}/fd`).length,
      children: childrenOf(world.native.pid).length,
      files: readdirSync(world.dir).filter((name) => !name.startsWith('k')).length,
    });
    const before = count();
    const { rmSync } = await import('node:fs');
    for (let i = 0; i < 100; i++) {
      const groups = await testGroups(world.instance, `c${i}`);
      const keeper = await world.keeper({ ...groups.request, pin: { net: join(world.dir, 'pin') } });
      await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['true'])) });
      await keeper.start();
      expect(await exitOf(keeper)).toMatchObject({ code: 0 });
      await keeper.delete();
      await keeper[Symbol.asyncDispose]();
      expect(readdirSync(keeper.dir)).toEqual(['exit.json']);
      rmSync(keeper.dir, { recursive: true });
    }
    await until(() => childrenOf(world.native.pid).length === 0, 'no child of the zygote');
    expect(count()).toEqual(before);
    expect(await leftGroups(world.instance)).toEqual([]);
    expect(readFileSync(world.log, 'utf8')).toBe('');
  }, 120_000);

  it('runs many at the same time', async () => {
    await using world = await makeWorld();
    const codes = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const keeper = await world.keeper();
        const { exit } = await runScript(keeper, world.root, `exit ${i}`);
        await keeper.delete();
        return exit.code;
      }),
    );
    expect(codes).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });
});

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBinary } from '../src/binary.ts';
import { FrameConnection, openNative, type KeeperExit } from '../src/index.ts';
import { dial } from '../src/rpc.ts';
import { failure } from './support/plan.ts';
import { makeWorld, processExists, reasonToSkip, until, type World } from './support/world.ts';

describe.skipIf(reasonToSkip !== '')(`zygote ${reasonToSkip}`, () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('runs detached, from a sealed copy in memory, with no descriptor but its own', () => {
    const { pid } = world.native;
    expect(readlinkSync(`/proc/${pid}/exe`)).toBe('/memfd:gantry-native (deleted)');
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    expect(status).toMatch(/^Name:\s+gantry-zygote$/m);
    const [, session] = /^NSsid:\s+(\d+)/m.exec(status) ?? [];
    expect(session).not.toBe(/^NSsid:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
    const fds = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`).replaceAll(/\d+/g, 'N'));
    const known = [/^\/dev\/null$/, /\/log$/, /\/z\.lock$/, /^socket:/, /eventpoll/, /signalfd/, /^mnt:\[N\]$/, /^\/$/];
    expect(fds.filter((fd) => !known.some((pattern) => pattern.test(fd)))).toEqual([]);
    expect(fds.filter((fd) => fd.startsWith('socket:')).length).toBeLessThanOrEqual(3);
  });

  it('makes its socket for its own user only', async () => {
    const script = `require('net').connect(${JSON.stringify(join(world.runDir, 'z'))}).on('close', () => process.exit(42)).on('error', () => process.exit(43))`;
    chmodSync(world.dir, 0o755);
    chmodSync(world.runDir, 0o755);
    const refused = spawnSync(process.execPath, ['-e', script], { uid: 65534, gid: 65534 });
    expect(refused.status).toBe(43);
    // Even where the modes would let it in, it is closed at once.
    chmodSync(join(world.runDir, 'z'), 0o666);
    const closed = await new Promise((resolve) => spawn(process.execPath, ['-e', script], { uid: 65534, gid: 65534 }).on('close', resolve));
    expect(closed).toBe(42);
    chmodSync(join(world.runDir, 'z'), 0o600);
    chmodSync(world.runDir, 0o700);
    await world.native.ping();
  });

  it('is adopted by whoever opens it next', async () => {
    await using second = await openNative({ runDir: world.runDir, instance: world.instance });
    expect(second.pid).toBe(world.native.pid);
    await Promise.all([second.ping(), world.native.ping()]);
  });

  it('leaves a live zygote alone when it is started a second time', async () => {
    const args = ['zygote', '--socket', join(world.runDir, 'z'), '--instance', world.instance, '--build', 'x'];
    expect(spawnSync(await findBinary(), args).status).toBe(3);
    await world.native.ping();
  });

  it('refuses bad arguments', async () => {
    const binary = await findBinary();
    for (const args of [[], ['nonsense'], ['zygote'], ['zygote', '--socket', 'relative', '--instance', 'deadbeef', '--build', 'x'], ['zygote', '--socket', '/tmp/x', '--instance', 'short', '--build', 'x']]) {
      expect([args, spawnSync(binary, args).status]).toEqual([args, 2]);
    }
    expect(String(spawnSync(binary, ['version']).stdout)).toMatch(/^gantry-native \d+\.\d+\.\d+ protocol 1\n$/);
  });

  it('refuses another instance and another version, and what is no hello', async () => {
    const socket = join(world.runDir, 'z');
    expect(await failure(dial(socket, '00000000'))).toMatchObject({ kind: 'conflict', code: 'native-conflict' });
    for (const [first, code] of [
      [{ hello: { min: 2, max: 9, build: 'x', instance: world.instance } }, 'unsupported'],
      [{ hello: { min: 1 } }, 'invalid'],
      [{ id: 1, op: 'ping' }, 'invalid'],
    ] as const) {
      await using frames = await FrameConnection.connect(socket);
      await frames.sendJson(first);
      const answer = await frames.receive();
      expect(JSON.parse(Buffer.from(answer?.payload ?? []).toString())).toMatchObject({ error: { code } });
      expect(await frames.receive()).toBeUndefined();
    }
  });

  it('answers an operation it does not know, and goes on', async () => {
    await using connection = (await dial(join(world.runDir, 'z'), world.instance)).frames;
    await connection.sendJson({ id: 7, op: 'no-such-thing', more: [1] });
    await connection.sendJson({ id: 8, op: 'ping' });
    const answers = [await connection.receive(), await connection.receive()].map((frame) => JSON.parse(Buffer.from(frame?.payload ?? []).toString()) as unknown);
    expect(answers).toMatchObject([{ id: 7, error: { code: 'unsupported' } }, { id: 8, ok: {} }]);
    expect(processExists(world.native.pid)).toBe(true);
  });

  it('closes a connection that sends what is no frame, and no other', async () => {
    for (const bytes of [[0, 0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff, 0], [0, 0, 0, 2, 9, 9], [0, 0, 0, 2, 0, 0x7b]]) {
      const { frames } = await dial(join(world.runDir, 'z'), world.instance);
      await sendRaw(world, bytes);
      await frames.close();
    }
    await world.native.ping();
  });

  it('takes a request in the smallest pieces', async () => {
    const hello = Buffer.from(JSON.stringify({ hello: { min: 1, max: 1, build: 'x', instance: world.instance } }));
    const ping = Buffer.from(JSON.stringify({ id: 1, op: 'ping' }));
    const framed = Buffer.concat([hello, ping].map((body) => Buffer.concat([Buffer.from([0, 0, 0, body.length + 1, 0]), body])));
    const { connect } = await import('node:net');
    const socket = connect(join(world.runDir, 'z')).setNoDelay();
    for (const byte of framed) {
      socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    let received = '';
    for await (const chunk of socket) {
      received += String(chunk);
      if (received.includes('"ok"')) break;
    }
    expect(received).toContain('"id":1');
  });

  it('tells of a keeper that dies, once its end is recorded', async () => {
    const exits: KeeperExit[] = [];
    const stop = await world.native.watchKeepers((exit) => exits.push(exit));
    const keeper = await world.keeper({ key: 'doomed' });
    expect(await world.native.keepers()).toContainEqual({ key: 'doomed', pid: keeper.pid, dir: keeper.dir });
    process.kill(keeper.pid, 'SIGKILL');
    await until(() => exits.length > 0, 'keeper-exit');
    expect(exits).toEqual([{ event: 'keeper-exit', key: 'doomed', dir: keeper.dir, status: 137 }]);
    expect(JSON.parse(readFileSync(join(keeper.dir, 'exit.json'), 'utf8'))).toMatchObject({ code: 137, lost: 'keeper' });
    expect(readdirSync(keeper.dir)).toEqual(['exit.json']);
    stop();
  });
});

async function sendRaw(world: World, bytes: number[]): Promise<void> {
  const { connect } = await import('node:net');
  const hello = Buffer.from(JSON.stringify({ hello: { min: 1, max: 1, build: 'x', instance: world.instance } }));
  const socket = connect(join(world.runDir, 'z'));
  socket.write(Buffer.concat([Buffer.from([0, 0, 0, hello.length + 1, 0]), hello, Buffer.from(bytes)]));
  // Ends by itself only because the other side closes.
  for await (const chunk of socket) expect(String(chunk)).toContain('hello');
}

describe.skipIf(reasonToSkip !== '')('the life of a zygote', () => {
  it('replaces what a killed one has left', async () => {
    await using world = await makeWorld();
    const first = world.native.pid;
    process.kill(first, 'SIGKILL');
    await until(() => !processExists(first), 'the zygote is dead');
    expect(existsSync(join(world.runDir, 'z'))).toBe(true);
    expect(await failure(world.native.ping())).toMatchObject({ kind: 'unavailable', code: 'native-lost' });
    await world.native[Symbol.asyncDispose]();
    world.native = await openNative({ runDir: world.runDir, instance: world.instance });
    expect(world.native.pid).not.toBe(first);
    await world.native.ping();
  });

  it('ends when told to, with the last of its keepers', async () => {
    await using world = await makeWorld();
    const { pid } = world.native;
    const keeper = await world.keeper();
    await world.native.quit();
    await until(() => !existsSync(join(world.runDir, 'z')), 'the socket is gone');
    expect(processExists(pid)).toBe(true);
    expect(await keeper.state()).toMatchObject({ status: 'empty' });
    await keeper.delete();
    await until(() => !processExists(pid), 'the zygote has ended');
    await world.native[Symbol.asyncDispose]();
    world.native = await openNative({ runDir: world.runDir, instance: world.instance });
  });

  it('gives way to one of another build, which its keepers outlive', async () => {
    await using world = await makeWorld();
    const binary = join(world.dir, 'gantry-native');
    const { appendFileSync, copyFileSync } = await import('node:fs');
    copyFileSync(await findBinary(), binary);
    appendFileSync(binary, 'another build');
    const old = world.native;
    const keeper = await world.keeper();
    await using adopted = await openNative({ runDir: world.runDir, instance: world.instance, binary, otherBuild: 'adopt' });
    expect(adopted.pid).toBe(old.pid);
    world.native = await openNative({ runDir: world.runDir, instance: world.instance, binary });
    expect(world.native.pid).not.toBe(old.pid);
    await using again = await world.native.connectKeeper(keeper.dir);
    expect(again.build).toBe(old.build);
    expect((await again.state()).status).toBe('empty');
    await again.delete();
    await until(() => !processExists(old.pid), 'the old zygote has ended');
    await old[Symbol.asyncDispose]();
  });

  it('starts once however many ask for it at the same time', async () => {
    await using world = await makeWorld();
    const runDir = join(world.dir, 'many');
    const all = await Promise.all(Array.from({ length: 8 }, () => openNative({ runDir, instance: world.instance })));
    expect(new Set(all.map((native) => native.pid)).size).toBe(1);
    await all[0]?.quit();
    for (const native of all) await native[Symbol.asyncDispose]();
  });

  it('says what is wrong when it cannot start', async () => {
    await using world = await makeWorld();
    const runDir = join(world.dir, 'x'.repeat(100));
    mkdirSync(runDir, { mode: 0o700 });
    expect(await failure(openNative({ runDir, instance: world.instance }))).toMatchObject({ kind: 'invalid', code: 'socket-path-too-long' });
    expect(await failure(openNative({ runDir: world.runDir, instance: 'x' }))).toMatchObject({ kind: 'invalid', code: 'instance-invalid' });
    expect(await failure(openNative({ runDir: join(world.dir, 'y'), instance: world.instance, binary: '/bin/false' }))).toMatchObject({ kind: 'unavailable', code: 'zygote-failed' });
    expect(await failure(openNative({ runDir: join(world.dir, 'y'), instance: world.instance, binary: '/does/not/exist' }))).toMatchObject({ kind: 'unavailable', code: 'native-binary-missing' });
  });
});

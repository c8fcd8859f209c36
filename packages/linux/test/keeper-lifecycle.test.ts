import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitOf, failure, pipes, plan, processPlan, readAll, runPlan, runScript, textLike } from './support/plan.ts';
import { makeWorld, processExists, reasonToSkip, until, type World } from './support/world.ts';

describe.skipIf(reasonToSkip !== '')(`a keeper and its container ${reasonToSkip}`, () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('runs a program in namespaces of its own', async () => {
    const keeper = await world.keeper();
    const empty = await keeper.state();
    expect(empty).toMatchObject({ key: keeper.key, status: 'empty', execs: [] });
    const { stdout, stderr, exit } = await runScript(keeper, world.root, 'echo out; echo err >&2; echo $$; hostname; ls /', { hostname: 'inside' });
    expect(stdout.split('\n')).toEqual(['out', '1', 'inside', 'bin', 'dev', 'etc', 'home', 'proc', 'root', 'sys', 'tmp', '']);
    expect(stderr).toBe('err\n');
    expect(exit).toEqual({ code: 0, oomKilled: false, at: textLike(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/) });
    expect(JSON.parse(readFileSync(join(keeper.dir, 'exit.json'), 'utf8'))).toEqual(exit);
    expect(await keeper.state()).toMatchObject({ status: 'stopped', token: 't', exit });
    expect(await keeper.delete()).toEqual(exit);
    expect(readdirSync(keeper.dir)).toEqual(['exit.json']);
    await until(() => !processExists(keeper.pid), 'the keeper has ended');
    expect(await world.native.keepers()).not.toContainEqual(expect.objectContaining({ key: keeper.key }));
  });

  it.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['exit 255', 255],
    ['kill -9 $$; exit 3', 3], // PID 1 is not killed from inside
  ])('tells the exit code of %j', async (script, code) => {
    const keeper = await world.keeper();
    expect((await runScript(keeper, world.root, script)).exit).toMatchObject({ code, oomKilled: false });
    await keeper.delete();
  });

  it.each([
    [9, 137],
    [15, 143],
  ])('tells that signal %i ended it', async (signal, code) => {
    const keeper = await world.keeper();
    // A first process has no default actions for signals, so that it has to ask for them; SIGKILL needs no asking.
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['/bin/sh', '-c', "trap 'exec kill -9 $$' INT; trap 'exit 143' TERM; echo ready; while :; do sleep 0.05; done"])) });
    await using attachment = await keeper.attach({ stdin: false, stdout: true, stderr: true, lossless: true, bufferBytes: 65536 });
    await keeper.start();
    for await (const chunk of attachment.output) if (String(Buffer.from(chunk.data)).includes('ready')) break;
    await keeper.kill(signal);
    expect(await exitOf(keeper)).toMatchObject(signal === 9 ? { code, signal } : { code });
    expect(await failure(keeper.kill(15))).toMatchObject({ kind: 'conflict', code: 'not-running' });
    await keeper.delete();
  });

  it.each([
    ['/no/such/program', 127],
    ['no-such-program', 127],
    ['/etc/passwd/x', 127],
    ['/etc/not-executable', 126],
    ['/etc', 126],
    ['/etc/no-format', 126],
  ])('says that %s cannot be executed', async (program, exitCode) => {
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan([program])) });
    expect(await failure(keeper.start())).toMatchObject({ kind: 'invalid', code: 'exec-failed', details: { exitCode } });
    expect(await keeper.state()).toMatchObject({ status: 'stopped', exit: { code: exitCode } });
    expect(await exitOf(keeper)).toMatchObject({ code: exitCode });
    expect(await keeper.delete()).toMatchObject({ code: exitCode });
  });

  it('looks a bare name up in the order of path, and passes over what cannot be executed', async () => {
    const keeper = await world.keeper();
    const process = processPlan(['not-executable'], { path: ['/etc', '/bin'] });
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, process) });
    expect(await failure(keeper.start())).toMatchObject({ details: { exitCode: 126, errno: 'EACCES' } });
    await keeper.delete();
    const second = await world.keeper();
    const found = await runPlan(second, plan(world.root, processPlan(['echo', 'found'], { path: ['/nowhere', '/etc/passwd', '/bin'] })));
    expect(found.stdout).toBe('found\n');
    await second.delete();
  });

  it('takes the same token again, and no other', async () => {
    const keeper = await world.keeper();
    const request = { token: 'one', io: pipes, plan: plan(world.root, processPlan(['true'])) };
    const first = await keeper.create(request);
    expect(await keeper.create(request)).toEqual(first);
    expect(await failure(keeper.create({ ...request, token: 'two' }))).toMatchObject({ kind: 'conflict', code: 'native-conflict' });
    await keeper.start();
    await exitOf(keeper);
    expect(await failure(keeper.start())).toMatchObject({ kind: 'conflict', code: 'not-running' });
    await keeper.delete();
  });

  it('holds a created container until it is started or killed', async () => {
    const keeper = await world.keeper();
    const { pid } = await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['true'])) });
    expect(await keeper.state()).toMatchObject({ status: 'created', pid });
    expect(await failure(keeper.delete())).toMatchObject({ kind: 'conflict' });
    await keeper.kill(9);
    expect(await exitOf(keeper)).toMatchObject({ code: 137, signal: 9 });
    // It never ran.
    expect(await keeper.delete()).toBeNull();
  });

  it('is deleted while it runs only by force', async () => {
    const keeper = await world.keeper();
    const { pid } = await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000'])) });
    await keeper.start();
    expect(await failure(keeper.delete())).toMatchObject({ kind: 'conflict', code: 'native-conflict' });
    expect(await keeper.delete({ force: true })).toMatchObject({ code: 137, signal: 9 });
    expect(processExists(pid)).toBe(false);
    const empty = await world.keeper();
    expect(await empty.delete()).toBeNull();
  });

  it('says what failed while it was set up, and can then only be deleted', async () => {
    const wrong = [
      [{ root: { path: '/no/such/root' } }, { kind: 'notFound', code: 'native-os', details: { errno: 'ENOENT', step: 'open /no/such/root' } }],
      [{ mounts: [{ kind: 'fs', fstype: 'no-such-fs', source: 'x', target: '/tmp', flags: 0, data: '' }] }, { kind: 'notFound', details: { errno: 'ENODEV', step: 'fsopen no-such-fs' } }],
      [{ mounts: [{ kind: 'bind', source: '/etc/passwd', target: '/tmp', create: null }] }, { kind: 'invalid', details: { errno: 'ENOTDIR' } }],
      [{ sysctls: [['net.no.such', '1']] }, { kind: 'notFound', details: { errno: 'ENOENT', step: 'open sysctl net.no.such' } }],
      [{ sysctls: [['../x', '1']] }, { kind: 'invalid', code: 'native-invalid' }],
      [{ rootPropagation: 'unbindable' as 'private' }, { kind: 'invalid', code: 'native-invalid' }],
      [{ process: processPlan(['true'], { cwd: '/nowhere' }) }, { kind: 'notFound', details: { step: 'enter the working folder /nowhere' } }],
      [{ process: processPlan(['true'], { uid: 4294967295 }) }, { kind: 'invalid' }],
      [{ process: processPlan(['a\0b']) }, { kind: 'invalid' }],
      [{ process: processPlan([]) }, { kind: 'invalid' }],
      [{ process: processPlan(['true'], { seccomp: { bpf: 'AAAA', flags: 0 } }) }, { kind: 'invalid', details: { step: 'load the seccomp filter' } }],
    ] as const;
    for (const [more, expected] of wrong) {
      const keeper = await world.keeper();
      const error = await failure(keeper.create({ token: 't', io: pipes, plan: { ...plan(world.root, processPlan(['true'])), ...more } }));
      expect(error).toMatchObject(expected);
      expect((await keeper.state()).status).toBe('empty');
      expect(await keeper.delete()).toBeNull();
    }
  });

  it('tells late watchers everything, and all of them the same', async () => {
    const keeper = await world.keeper();
    const early: unknown[] = [];
    const watching = (async () => {
      for await (const event of keeper.watch()) early.push(event);
    })();
    await runScript(keeper, world.root, 'exit 5');
    const late: unknown[] = [];
    for await (const event of keeper.watch()) {
      late.push(event);
      if (event.event === 'exit') break;
    }
    expect(late).toMatchObject([{ event: 'start' }, { event: 'exit', exit: { code: 5 } }]);
    await keeper.delete();
    // It ends with the keeper.
    await watching;
    expect(early).toEqual(late);
  });

  it('keeps its folder to itself, and its socket to its user', async () => {
    const keeper = await world.keeper();
    expect(statSync(join(keeper.dir, 's')).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(keeper.dir, 'keeper.json'), 'utf8'))).toMatchObject({ key: keeper.key, pid: keeper.pid, version: 1, build: keeper.build });
    await keeper.delete();
    expect(existsSync(join(keeper.dir, 's'))).toBe(false);
  });

  it('answers an operation it does not know, and goes on', async () => {
    const keeper = await world.keeper();
    const { dialWith } = await import('../src/rpc.ts');
    expect(await failure(dialWith(join(keeper.dir, 's'), world.instance, { op: 'no-such-thing' }))).toMatchObject({ kind: 'notImplemented', code: 'native-unsupported' });
    expect((await runScript(keeper, world.root, 'exit 0')).exit.code).toBe(0);
    await keeper.delete();
  });

  it('refuses a keeper that cannot be', async () => {
    const one = await world.keeper({ key: 'taken' });
    expect(await failure(world.native.spawnKeeper({ key: 'taken', dir: one.dir, namespaces: ['mount'] }))).toMatchObject({ kind: 'conflict' });
    for (const [request, expected] of [
      [{ key: 'x', dir: 'relative', namespaces: ['mount'] }, { kind: 'invalid' }],
      [{ key: 'x', dir: join(world.dir, 'absent'), namespaces: ['mount'] }, { kind: 'internal' }],
      [{ key: 'x', dir: one.dir, namespaces: ['net'] }, { kind: 'invalid' }],
      [{ key: 'x', dir: one.dir, namespaces: ['mount', 'net'], join: { net: '/proc/self/ns/net' } }, { kind: 'invalid' }],
      [{ key: 'x', dir: one.dir, namespaces: ['mount', 'user'] }, { kind: 'invalid' }],
      [{ key: '', dir: one.dir, namespaces: ['mount'] }, { kind: 'invalid' }],
    ] as const) {
      expect(await failure(world.native.spawnKeeper(request))).toMatchObject(expected);
    }
    expect(await failure(world.native.connectKeeper(join(world.dir, 'absent')))).toMatchObject({ kind: 'notFound', code: 'keeper-not-found' });
    await one.delete();
  });

  it('is found again by its folder', async () => {
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sh', '-c', 'read x; echo $x; exit 9'])) });
    await keeper.start();
    await keeper[Symbol.asyncDispose]();
    await using again = await world.native.connectKeeper(keeper.dir);
    expect(again.key).toBe(keeper.key);
    expect(await exitOf(again)).toMatchObject({ code: 9 });
    await again.delete();
  });

  it('reads everything that the program wrote just before its end', async () => {
    for (let i = 0; i < 5; i++) {
      const keeper = await world.keeper();
      const { stdout } = await runScript(keeper, world.root, 'seq 1 9000');
      expect(stdout.length).toBe(43893);
      await keeper.delete();
    }
  });

  it('ends output with the container, whoever else holds the pipe', async () => {
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sh', '-c', 'sleep 1000 & echo started'])) });
    await using attachment = await keeper.attach({ stdin: false, stdout: true, stderr: true, lossless: true, bufferBytes: 65536 });
    const begun = Date.now();
    await keeper.start();
    expect((await readAll(attachment)).stdout).toBe('started\n');
    expect(await exitOf(keeper)).toMatchObject({ code: 0 });
    expect(Date.now() - begun).toBeLessThan(900);
    await keeper.delete();
  });
});

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttachRequest, Keeper } from '../src/index.ts';
import { deleteStopped, exitOf, failure, pipes, plan, processPlan, readAll, runExec } from './support/plan.ts';
import { makeWorld, processExists, reasonToSkip, until, type World } from './support/world.ts';

const outputs: AttachRequest = { stdin: false, stdout: true, stderr: true, lossless: true, bufferBytes: 65536 };

describe.skipIf(reasonToSkip !== '')(`a process added to a container ${reasonToSkip}`, () => {
  let world: World;
  let keeper: Keeper;
  let early: Error;
  beforeAll(async () => {
    world = await makeWorld();
    keeper = await world.keeper();
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '100000']), { hostname: 'inside' }) });
    early = await failure(keeper.exec({ execId: 'early', process: processPlan(['true']), io: pipes }));
    await keeper.start();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('needs one that runs', () => {
    expect(early).toMatchObject({ kind: 'conflict' });
  });

  it('shares the namespaces, and is who and where it was told to be', async () => {
    const process = processPlan(['sh', '-c', 'hostname; cat /proc/1/cmdline; echo; id; pwd; echo $NAME; umask; ls /proc/self/fd; echo err >&2; exit 7'], {
      env: ['NAME=value', 'PATH=/bin'],
      uid: 1000,
      gid: 1000,
      groups: [1000, 2000],
      cwd: '/home/user',
      umask: 0o077,
    });
    const { stdout, stderr, exit } = await runExec(keeper, 'who', process);
    expect(stdout.replaceAll('\0', ' ').split('\n')).toEqual(['inside', 'sleep 100000 ', 'uid=1000(user) gid=1000(user) groups=1000(user),2000(more)', '/home/user', 'value', '0077', '0', '1', '2', '3', '']);
    expect(stderr).toBe('err\n');
    expect(exit).toMatchObject({ code: 7, oomKilled: false });
    expect(JSON.parse(readFileSync(join(keeper.dir, 'execs/who.json'), 'utf8'))).toEqual(exit);
    expect((await keeper.state()).execs).toContainEqual({ id: 'who', status: 'stopped', exit });
    await keeper.forget('who');
    expect(existsSync(join(keeper.dir, 'execs/who.json'))).toBe(false);
    expect((await keeper.state()).execs).toEqual([]);
    await keeper.forget('who');
  });

  it('gets input, also through a terminal of the container', async () => {
    await keeper.exec({ execId: 'in', process: processPlan(['cat']), io: { terminal: false, stdin: true } });
    {
      await using attachment = await keeper.attach({ ...outputs, execId: 'in', stdin: true });
      await keeper.start('in');
      await attachment.stdin?.write(Buffer.from('text'));
      await attachment.stdin?.end();
      expect((await readAll(attachment)).stdout).toBe('text');
    }
    await keeper.exec({ execId: 'tty', process: processPlan(['sh', '-c', 'stty size; tty; read x; echo got $x']), io: { terminal: true, rows: 5, cols: 6, stdin: true } });
    await keeper.resize({ rows: 7, cols: 8 }, 'tty');
    await using attachment = await keeper.attach({ ...outputs, execId: 'tty', stdin: true });
    await keeper.start('tty');
    await attachment.stdin?.write(Buffer.from('line\n'));
    const { stdout } = await readAll(attachment);
    // The terminal's echo of the line may come first.
    expect(stdout).toMatch(/^7 8\r$/m);
    expect(stdout).toContain('/dev/pts/');
    expect(stdout).toContain('got line\r\n');
    expect(await exitOf(keeper, 'tty')).toMatchObject({ code: 0 });
    await exitOf(keeper, 'in');
    for (const id of ['in', 'tty']) await keeper.forget(id);
  });

  it.each([
    ['/no/such/program', 127],
    ['/etc/not-executable', 126],
  ])('says that %s cannot be executed', async (program, exitCode) => {
    await keeper.exec({ execId: 'bad', process: processPlan([program]), io: pipes });
    expect(await failure(keeper.start('bad'))).toMatchObject({ kind: 'invalid', code: 'exec-failed', details: { exitCode } });
    expect(await exitOf(keeper, 'bad')).toMatchObject({ code: exitCode });
    await keeper.forget('bad');
  });

  it('is refused for what cannot be', async () => {
    expect(await failure(keeper.exec({ execId: 'cwd', process: processPlan(['true'], { cwd: '/nowhere' }), io: pipes }))).toMatchObject({ kind: 'notFound', details: { errno: 'ENOENT' } });
    for (const execId of ['', '.', '../x', 'a/b', 'x'.repeat(129), '.hidden']) {
      expect(await failure(keeper.exec({ execId, process: processPlan(['true']), io: pipes }))).toMatchObject({ kind: 'invalid' });
    }
    await keeper.exec({ execId: 'one', process: processPlan(['true']), io: pipes });
    expect(await failure(keeper.exec({ execId: 'one', process: processPlan(['true']), io: pipes }))).toMatchObject({ kind: 'conflict' });
    expect(await failure(keeper.forget('one'))).toMatchObject({ kind: 'conflict' });
    for (const call of [() => keeper.start('none'), () => keeper.kill(9, { execId: 'none' }), () => keeper.attach({ ...outputs, execId: 'none' }), () => keeper.resize({ rows: 1, cols: 1 }, 'none')]) {
      expect(await failure(call())).toMatchObject({ kind: 'notFound', code: 'native-not-found' });
    }
    await keeper.kill(9, { execId: 'one' });
    expect(await exitOf(keeper, 'one')).toMatchObject({ code: 137, signal: 9 });
    await keeper.forget('one');
  });

  it('is signalled by itself', async () => {
    await keeper.exec({ execId: 'sig', process: processPlan(['sleep', '1000']), io: pipes });
    await keeper.start('sig');
    await keeper.kill(15, { execId: 'sig' });
    expect(await exitOf(keeper, 'sig')).toMatchObject({ code: 143, signal: 15 });
    expect(await failure(keeper.kill(15, { execId: 'sig' }))).toMatchObject({ code: 'not-running' });
    await keeper.forget('sig');
    expect((await keeper.state()).status).toBe('running');
  });

  it('ends when its own process has, a second after the last output of what it left behind', async () => {
    await keeper.exec({ execId: 'bg', process: processPlan(['sh', '-c', '(sleep 0.4; echo late; sleep 1000) & echo now']), io: pipes });
    const attachment = await keeper.attach({ ...outputs, execId: 'bg' });
    const begun = Date.now();
    await keeper.start('bg');
    expect((await readAll(attachment)).stdout).toBe('now\nlate\n');
    const took = Date.now() - begun;
    expect(took).toBeGreaterThan(1300);
    expect(took).toBeLessThan(6000);
    expect(await exitOf(keeper, 'bg')).toMatchObject({ code: 0 });
    await keeper.forget('bg');
  });

  it('finds no descriptor of the keeper, and leaves none', async () => {
    const before = readdirSync(`/proc/${keeper.pid}/fd`).length;
    for (let i = 0; i < 20; i++) {
      const { stdout } = await runExec(keeper, `fd${i}`, processPlan(['sh', '-c', 'exec ls -l /proc/self/fd']));
      const fds = stdout.split('\n').filter((line) => line.includes(' -> ') && !/\b3 -> \/proc\/\d+\/fd$/.test(line));
      expect(fds.length).toBe(3);
      await keeper.forget(`fd${i}`);
    }
    expect(readdirSync(`/proc/${keeper.pid}/fd`).length).toBe(before);
  });

  it('runs beside many others', async () => {
    const codes = await Promise.all(Array.from({ length: 20 }, async (_, i) => (await runExec(keeper, `p${i}`, processPlan(['sh', '-c', `exit ${i}`]))).exit.code));
    expect(codes).toEqual(Array.from({ length: 20 }, (_, i) => i));
    for (let i = 0; i < 20; i++) await keeper.forget(`p${i}`);
  });

  it('ends with its container', async () => {
    const other = await world.keeper();
    await other.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000'])) });
    await other.start();
    const { pid } = await other.exec({ execId: 'x', process: processPlan(['sleep', '1000']), io: pipes });
    await other.start('x');
    await other.kill(9);
    expect(await exitOf(other)).toMatchObject({ code: 137 });
    expect(await exitOf(other, 'x')).toMatchObject({ code: 137, signal: 9 });
    await until(() => !processExists(pid), 'the exec has ended');
    expect(await failure(other.exec({ execId: 'y', process: processPlan(['true']), io: pipes }))).toMatchObject({ kind: 'conflict' });
    await deleteStopped(other);
  });
});

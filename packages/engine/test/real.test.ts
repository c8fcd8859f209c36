import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../src/index.ts';
import { busybox, collect, hasRegistry, hello, isRoot, RealBench, runContainer } from './support/real-engine.ts';

describe.runIf(isRoot)('on this machine, the image that comes along', () => {
  it('greets from inside a container, and leaves nothing', async () => {
    await using bench = await RealBench.make();
    const engine = await bench.open();
    await engine.images.pull(hello);
    const { exitCode, stdout, stderr } = await runContainer(engine, { image: hello, autoRemove: true });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('PID 1');
    expect(await bench.leftovers()).toEqual([]);
  });
});

describe.runIf(isRoot && (await hasRegistry()))('on this machine, a real image', () => {
  let bench: RealBench;
  let engine: Engine;
  beforeAll(async () => {
    bench = await RealBench.make();
    engine = await bench.open();
    await engine.images.pull(busybox);
  });
  afterAll(async () => {
    await bench[Symbol.asyncDispose]();
  });

  const sh = (script: string, more: object = {}) => runContainer(engine, { image: busybox, cmd: ['sh', '-c', script], autoRemove: true, ...more });

  it.each([0, 7, 255])('ends with its program\'s exit code %d', async (code) => {
    expect((await sh(`exit ${code}`)).exitCode).toBe(code);
  });

  it('keeps its outputs apart, and passes its input on to the end', async () => {
    expect(await sh('echo out; echo err >&2')).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
    const long = 'x'.repeat(300_000);
    expect((await runContainer(engine, { image: busybox, cmd: ['cat'], stdin: true, stdinOnce: true, autoRemove: true }, long)).stdout).toBe(long);
  });

  it.each<[cmd: string[], exitCode: number, message: string]>([
    [['nosuch'], 127, 'exec: "nosuch": executable file not found in $PATH'],
    [['/nosuch'], 127, 'exec: "/nosuch": stat /nosuch: no such file or directory'],
    [['/etc'], 126, 'exec: "/etc": '],
    [['/etc/passwd'], 126, 'exec: "/etc/passwd": permission denied'],
  ])('cannot run %j', async (cmd, exitCode, message) => {
    await expect(runContainer(engine, { image: busybox, cmd, autoRemove: true })).rejects.toThrow(expect.objectContaining({ code: exitCode === 127 ? 'program-not-found' : 'program-not-executable', message: expect.stringContaining(message) as string, details: expect.objectContaining({ exitCode }) as object }));
    await expect.poll(() => bench.leftovers()).toEqual([]);
  });

  it('has the environment, the user, the folder and the names that were asked for', async () => {
    const { stdout, id } = await sh('echo $PWD; id; env; cat /etc/hostname /etc/hosts /etc/resolv.conf; hostname; echo $$', {
      env: ['A=b'], user: '1000:33', workingDir: '/made/for/it', hostname: 'box', network: { mode: 'none', extraHosts: ['db:192.0.2.7'], dns: ['192.0.2.1'] },
    });
    expect(stdout).toContain('/made/for/it\nuid=1000 gid=33 groups=33');
    for (const line of ['A=b', 'HOSTNAME=box', 'HOME=/', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', '192.0.2.7\tdb', 'nameserver 192.0.2.1']) expect(stdout.split('\n')).toContain(line);
    expect(stdout.trim().split('\n').slice(-2)).toEqual(['box', '1']);
    expect(stdout).not.toContain(id.slice(0, 12));
  });

  it('is limited: what takes more memory than it may is killed, and that is told', async () => {
    const { id, exitCode } = await runContainer(engine, { image: busybox, cmd: ['sh', '-c', 'exec tail /dev/zero'], resources: { memory: 16 * 2 ** 20 } });
    expect(exitCode).toBe(137);
    expect((await engine.containers.inspect(id)).state).toMatchObject({ status: 'exited', oomKilled: true, exitCode: 137 });
    await engine.containers.remove(id);
  });

  it('sees a terminal of the size that was asked for, and a new one', async () => {
    const { id } = await engine.containers.create({ image: busybox, cmd: ['sh', '-c', 'stty size; read x; stty size'], terminal: true, stdin: true, consoleSize: { rows: 12, cols: 34 } });
    const streams = await engine.containers.attach(id, { stdin: true, stdout: true, stderr: true });
    const output = collect(streams);
    await engine.containers.start(id);
    await delay(300);
    await engine.containers.resize(id, { rows: 20, cols: 50 });
    const writer = streams.stdin?.getWriter();
    await writer?.write(Buffer.from('\n'));
    expect((await output).stdout.replaceAll('\r', '')).toBe('12 34\n\n20 50\n');
    await engine.containers.wait(id);
    await engine.containers.remove(id);
  });

  it('goes on by itself, is logged, stopped, and started again', async () => {
    const { id } = await engine.containers.create({ image: busybox, name: 'service', cmd: ['sh', '-c', 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.1; done'] });
    await engine.containers.start(id);
    const followed = (async () => {
      let text = '';
      for await (const { line } of engine.containers.logs(id, { stdout: true, stderr: true, follow: true })) text += Buffer.from(line).toString();
      return text;
    })();
    await delay(300);
    await engine.containers.stop('service');
    expect(await followed).toBe('up\nbye\n');
    expect((await engine.containers.inspect(id)).state).toMatchObject({ status: 'exited', exitCode: 3 });
    await engine.containers.start(id);
    await engine.containers.kill(id, 'KILL');
    expect(await engine.containers.wait(id)).toEqual({ exitCode: 137 });
    await engine.containers.remove(id);
  });

  it('runs further programs, pauses and goes on', async () => {
    const { id } = await engine.containers.create({ image: busybox, cmd: ['sleep', '100'], env: ['A=1'] });
    await engine.containers.start(id);
    const exec = await engine.execs.create(id, { cmd: ['sh', '-c', 'echo $A $B; cat; exit 4'], env: ['B=2'], attachStdin: true, attachStdout: true, attachStderr: true });
    const streams = await engine.execs.start(exec);
    const writer = streams?.stdin?.getWriter();
    await writer?.write(Buffer.from('typed'));
    await writer?.close();
    expect((streams === null ? undefined : await collect(streams))?.stdout).toBe('1 2\ntyped');
    await expect.poll(async () => (await engine.execs.inspect(exec)).exitCode).toBe(4);
    await engine.containers.pause(id);
    expect((await engine.containers.inspect(id)).state.status).toBe('paused');
    await engine.containers.unpause(id);
    await engine.containers.remove(id, { force: true });
  });

  it('shares nothing with the next one, and keeps what it wrote between its own runs', async () => {
    const { id } = await engine.containers.create({ image: busybox, cmd: ['sh', '-c', 'echo line >> /kept; wc -l < /kept'] });
    for (const lines of ['1', '2']) {
      const streams = await engine.containers.attach(id, { stdin: false, stdout: true, stderr: true });
      const output = collect(streams);
      await engine.containers.start(id);
      expect((await output).stdout.trim()).toBe(lines);
      await engine.containers.wait(id);
    }
    expect((await sh('ls /kept')).exitCode).toBe(1);
    expect((await engine.containers.inspect(id, { size: true })).sizeRw).toBeGreaterThan(0);
    await engine.containers.remove(id);
  });

  it('gives the disk back of what a removed container wrote', async () => {
    await delay(1000); // the collection of the engine's start is over
    const used = (): number => Number(execFileSync('du', ['-skx', bench.dataRoot], { encoding: 'utf8' }).split('\t')[0]);
    const { id } = await sh('head -c 30m /dev/urandom > /big', { autoRemove: false });
    const with30 = used();
    await engine.containers.remove(id);
    await expect.poll(() => with30 - used(), { timeout: 10_000 }).toBeGreaterThan(29 * 1024);
  });

  it('leaves nothing of all that', async () => {
    await expect.poll(() => bench.leftovers()).toEqual([]);
    expect(await engine.containers.list({ all: true })).toEqual([]);
  });
});

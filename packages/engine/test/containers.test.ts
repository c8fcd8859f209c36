import { GantryError } from '@gantry/errors';
import { describe, expect, it } from 'vitest';
import type { ContainerStreams, Engine } from '../src/index.ts';
import { Bench, eventsOf } from './support/engine.ts';

const app = { 'app:1': { config: { Env: ['A=1'], Labels: { owner: 'image' }, Cmd: ['run'] } } };

async function text(streams: ContainerStreams): Promise<string> {
  let out = '';
  for await (const { data } of streams.output) out += Buffer.from(data).toString();
  return out;
}

async function made(engine: Engine, cmd: readonly string[], more: object = {}): Promise<string> {
  return (await engine.containers.create({ image: 'app:1', cmd, ...more })).id;
}

const kindAndCode = (kind: string, code: string): unknown => expect.objectContaining({ kind, code });

describe('a container', () => {
  it('lives from create to remove, and leaves nothing', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const { containers } = engine;
    const { id, name } = await containers.create({ image: 'app:1', cmd: ['exit', '7'] });
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(name).toMatch(/^[a-z]+_[a-z]+$/);
    expect((await containers.inspect(name)).state).toMatchObject({ status: 'created', pid: 0, startedAt: null });

    await containers.start(id);
    expect(await containers.wait(id)).toEqual({ exitCode: 7 });
    const { state } = await containers.inspect(id.slice(0, 12));
    expect(state).toMatchObject({ status: 'exited', exitCode: 7, pid: 0, oomKilled: false, error: '' });
    expect(state.finishedAt).not.toBeNull();

    await containers.remove(id);
    await expect(containers.inspect(id)).rejects.toThrow(kindAndCode('notFound', 'no-such-container'));
    expect(bench.world.leftovers()).toEqual([]);
    expect(await eventsOf(engine)).toEqual(['image pull', 'container create', 'container start', 'container die', 'container destroy']);
  });

  it('frees what its run held as soon as that has ended, and runs again', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const { containers } = engine;
    const id = await made(engine, ['exit', '0']);
    for (let n = 0; n < 2; n++) {
      await containers.start(id);
      await containers.wait(id);
      await expect.poll(() => [bench.world.runs.size, bench.world.sandboxes.size, bench.world.snapshots.get(id)?.holders.length]).toEqual([0, 0, 0]);
    }
  });

  it('shows a client that attached before the start everything, and its exit to one that waits', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['echo', 'hello']);
    const streams = await engine.containers.attach(id, { stdin: false, stdout: true, stderr: true });
    const output = text(streams);
    let waiting = false;
    const exit = engine.containers.wait(id, { condition: 'next-exit', onWaiting: () => (waiting = true) });
    expect(waiting).toBe(true);
    await engine.containers.start(id);
    expect(await output).toBe('hello\n');
    expect(await exit).toEqual({ exitCode: 0 });
  });

  it('passes on what is typed, half-closes, and ends', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['type'], { stdin: true });
    const streams = await engine.containers.attach(id, { stdin: true, stdout: true, stderr: true });
    await engine.containers.start(id);
    const writer = streams.stdin?.getWriter();
    await writer?.write(Buffer.from('abc'));
    await writer?.close();
    expect(await text(streams)).toBe('abc');
    expect(await engine.containers.wait(id)).toEqual({ exitCode: 0 });
  });

  it('is let go of by the detach keys, and goes on', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['sleep'], { stdin: true, terminal: true });
    await engine.containers.start(id);
    const streams = await engine.containers.attach(id, { stdin: true, stdout: true, stderr: true });
    const output = text(streams);
    const writer = streams.stdin?.getWriter();
    await writer?.write(Buffer.from('x\x10'));
    await writer?.write(Buffer.from('y\x10\x11z'));
    expect(await output).toBe('');
    expect(bench.world.runs.get(id)?.typed).toEqual(['x', '\x10y']);
    expect((await engine.containers.inspect(id)).state.status).toBe('running');
    expect(await eventsOf(engine, ({ action }) => action)).toContain('detach');
  });

  it('with autoRemove is gone when its end is told to who waits for that', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['exit', '3'], { autoRemove: true });
    const gone = engine.containers.wait(id, { condition: 'removed' });
    await engine.containers.start(id);
    expect(await gone).toEqual({ exitCode: 3 });
    expect(bench.world.leftovers()).toEqual([]);
    expect(await engine.containers.list({ all: true })).toEqual([]);
  });

  it.each([
    ['missing', 127, 'exec: "missing": executable file not found in $PATH'],
    ['forbidden', 126, 'exec: "forbidden": permission denied'],
  ])('that cannot run %s says so, and keeps the exit code', async (program, exitCode, message) => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, [program]);
    const streams = await engine.containers.attach(id, { stdin: false, stdout: true, stderr: true });
    await expect(engine.containers.start(id)).rejects.toThrow(expect.objectContaining({ kind: 'invalid', code: exitCode === 127 ? 'program-not-found' : 'program-not-executable', message: `unable to start container process: ${message}`, details: { exitCode } }));
    expect(await text(streams)).toBe('');
    expect((await engine.containers.inspect(id)).state).toMatchObject({ status: 'created', exitCode, error: expect.stringContaining(message) as string });
    expect([bench.world.runs.size, bench.world.sandboxes.size]).toEqual([0, 0]);
  });

  it('with autoRemove that cannot start is removed', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['missing'], { autoRemove: true });
    const gone = engine.containers.wait(id, { condition: 'removed' });
    await expect(engine.containers.start(id)).rejects.toThrow(kindAndCode('invalid', 'program-not-found'));
    await gone;
    expect(bench.world.leftovers()).toEqual([]);
  });

  it('undoes a start that fails anywhere, in reverse', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['sleep']);
    for (const call of ['runtime.openSandbox', 'storage.mount', 'runtime.create', 'runtime.start']) {
      bench.world.fault = (name) => {
        if (name === call) throw new GantryError('unavailable', 'broken', 'broken on purpose');
      };
      await expect(engine.containers.start(id)).rejects.toThrow(kindAndCode('unavailable', 'broken'));
      bench.world.fault = () => undefined;
      expect([bench.world.runs.size, bench.world.sandboxes.size, bench.world.snapshots.get(id)?.holders.length]).toEqual([0, 0, 0]);
      expect((await engine.containers.inspect(id)).state).toMatchObject({ status: 'created', exitCode: 128, error: 'broken on purpose' });
    }
    await engine.containers.start(id);
    expect((await engine.containers.inspect(id)).state).toMatchObject({ status: 'running', error: '', exitCode: 0 });
  });
});

describe('stopping', () => {
  it('sends the stop signal, then SIGKILL', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['stubborn'], { stopSignal: 'SIGINT' });
    await engine.containers.start(id);
    await engine.containers.stop(id, { timeout: 0 });
    expect((await engine.containers.inspect(id)).state).toMatchObject({ status: 'exited', exitCode: 137 });
    await expect(engine.containers.stop(id)).rejects.toThrow(kindAndCode('notModified', 'already-stopped'));
    const told = await eventsOf(engine, ({ action, actor }) => `${action} ${actor.attributes['signal'] ?? actor.attributes['exitCode'] ?? ''}`.trim());
    expect(told.slice(-4)).toEqual(['kill 2', 'kill 9', 'die 137', 'stop']);
  });

  it('kills with any signal, and refuses what does not run', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['sleep']);
    await expect(engine.containers.kill(id)).rejects.toThrow(kindAndCode('conflict', 'not-running'));
    await engine.containers.start(id);
    await expect(engine.containers.kill(id, 'NONSENSE')).rejects.toThrow(kindAndCode('invalid', 'bad-signal'));
    await engine.containers.kill(id, 'USR1');
    expect(await engine.containers.wait(id)).toEqual({ exitCode: 138 });
  });

  it('restarts, also what does not run', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['sleep']);
    await engine.containers.restart(id);
    await engine.containers.restart(id);
    expect((await engine.containers.inspect(id)).state.status).toBe('running');
    await expect(engine.containers.start(id)).rejects.toThrow(kindAndCode('notModified', 'already-started'));
  });

  it('stops what is paused', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['sleep']);
    await engine.containers.start(id);
    await engine.containers.pause(id);
    await expect(engine.containers.attach(id, { stdin: false, stdout: true, stderr: true })).rejects.toThrow(kindAndCode('conflict', 'container-paused'));
    await expect(engine.containers.start(id)).rejects.toThrow(kindAndCode('conflict', 'container-paused'));
    await engine.containers.stop(id);
    expect((await engine.containers.inspect(id)).state).toMatchObject({ status: 'exited', exitCode: 143 });
  });
});

describe('removing', () => {
  it('refuses what runs unless forced, and then tells of its end', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const { id, name } = await engine.containers.create({ image: 'app:1', cmd: ['sleep'] });
    await engine.containers.start(id);
    await expect(engine.containers.remove(id)).rejects.toThrow(`cannot remove container "${name}": container is running: stop the container before removing or force remove`);
    const exit = engine.containers.wait(id, { condition: 'next-exit' });
    await engine.containers.remove(id, { force: true });
    expect(await exit).toEqual({ exitCode: 137 });
    expect(bench.world.leftovers()).toEqual([]);
    expect((await eventsOf(engine, ({ action }) => action)).slice(-3)).toEqual(['kill', 'die', 'destroy']);
  });

  it('that fails shows it dead, and can be tried again', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['sleep']);
    bench.world.fault = (name) => {
      if (name === 'storage.remove') throw new GantryError('internal', 'broken', 'broken on purpose');
    };
    await expect(engine.containers.remove(id)).rejects.toThrow(kindAndCode('internal', 'teardown-failed'));
    expect((await engine.containers.inspect(id)).state).toMatchObject({ status: 'dead', error: expect.stringContaining('broken on purpose') as string });
    bench.world.fault = () => undefined;
    await engine.containers.remove(id);
    expect(bench.world.leftovers()).toEqual([]);
  });

  it('gives the name back', async () => {
    await using bench = await Bench.make(app);
    const { containers } = await bench.ready();
    const { id } = await containers.create({ image: 'app:1', name: 'web' });
    await expect(containers.create({ image: 'app:1', name: '/web' })).rejects.toThrow(`Conflict. The container name "/web" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`);
    await containers.remove('web');
    await containers.create({ image: 'app:1', name: 'web' });
  });
});

describe('looking up and listing', () => {
  it('finds by name, id and unambiguous prefix', async () => {
    await using bench = await Bench.make(app);
    const { containers } = await bench.ready();
    const ids = new Set<string>();
    for (let n = 0; n < 17; n++) ids.add((await containers.create({ image: 'app:1', name: `c${n}x` })).id);
    const [first = ''] = ids;
    expect(await containers.find('/c0x')).toBe(first);
    expect(await containers.find(first.slice(0, 20))).toBe(first);
    // Seventeen ids cannot have seventeen different first digits.
    const prefixes = await Promise.allSettled(Array.from({ length: 16 }, (_, n) => n.toString(16)).map((digit) => containers.find(digit)));
    expect(prefixes.some((result) => result.status === 'rejected' && (result.reason as GantryError).code === 'ambiguous-id')).toBe(true);
    await expect(containers.find('nobody')).rejects.toThrow('No such container: nobody');
  });

  it('filters, limits and sorts, newest first', async () => {
    await using bench = await Bench.make(app);
    const { containers } = await bench.ready();
    const { id: a } = await containers.create({ image: 'app:1', name: 'alpha', cmd: ['sleep'], labels: { tier: 'web' } });
    const { id: b } = await containers.create({ image: 'app:1', name: 'beta', cmd: ['exit', '4'] });
    await containers.start(a);
    await containers.start(b);
    await containers.wait(b);
    const names = async (o: Parameters<typeof containers.list>[0]): Promise<string[]> => (await containers.list(o)).map(({ name }) => name);
    expect(await names({})).toEqual(['alpha']);
    expect(await names({ all: true })).toEqual(['beta', 'alpha']);
    expect(await names({ limit: 1 })).toEqual(['beta']);
    expect(await names({ filter: { statuses: ['exited'] } })).toEqual(['beta']);
    expect(await names({ filter: { exitCodes: [4] } })).toEqual(['beta']);
    expect(await names({ filter: { labels: ['tier=web', 'owner'] } })).toEqual(['alpha']);
    expect(await names({ all: true, filter: { names: ['^/bet'] } })).toEqual(['beta']);
    expect(await names({ all: true, filter: { ancestors: ['app:1'], ids: [a.slice(0, 6)] } })).toEqual(['alpha']);
    expect(await names({ filter: { since: 'alpha' } })).toEqual(['beta']);
    expect(await names({ filter: { before: 'beta' } })).toEqual(['alpha']);
    expect((await containers.list({ all: true, size: true }))[0]).toMatchObject({ sizeRw: 4096 });
  });

  it('is never held up by a container that is stuck', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready({ stepDeadline: 50 });
    const stuck = await made(engine, ['sleep'], { name: 'stuck' });
    const fine = await made(engine, ['sleep']);
    const release = Promise.withResolvers<undefined>();
    bench.world.fault = async (name) => {
      if (name === 'storage.mount') await release.promise;
    };
    await expect(engine.containers.start(stuck)).rejects.toThrow(kindAndCode('timeout', 'container-stuck'));
    await expect(engine.containers.remove(stuck)).rejects.toThrow('it is busy with the start');
    bench.world.fault = () => undefined;
    expect(await engine.containers.list({ all: true })).toHaveLength(2);
    await engine.containers.start(fine);
    release.resolve(undefined);
    await expect.poll(async () => (await engine.containers.inspect(stuck)).state.status).toBe('running');
  });
});

describe('clients that come and go', () => {
  it('leave nothing behind, however many they are, before a start and while it runs', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['sleep'], { stdin: true });
    for (let n = 0; n < 500; n++) {
      const leave = new AbortController();
      const streams = await engine.containers.attach(id, { stdin: true, stdout: true, stderr: true, signal: leave.signal });
      if (n % 2 === 0) leave.abort();
      else await streams[Symbol.asyncDispose]();
      expect(await text(streams)).toBe('');
    }
    await expect(engine.containers.attach(id, { stdin: true, stdout: true, stderr: true, signal: AbortSignal.abort() })).rejects.toThrow(kindAndCode('aborted', 'aborted'));
    await engine.containers.start(id);
    expect(bench.world.runs.get(id)?.listeners.size).toBe(0);
    for (let n = 0; n < 500; n++) {
      const streams = await engine.containers.attach(id, { stdin: true, stdout: true, stderr: true });
      const output = text(streams);
      await streams[Symbol.asyncDispose]();
      expect(await output).toBe('');
      const wait = new AbortController();
      const waiting = engine.containers.wait(id, { signal: wait.signal });
      wait.abort();
      await expect(waiting).rejects.toThrow(kindAndCode('aborted', 'aborted'));
    }
    expect(bench.world.runs.get(id)?.listeners.size).toBe(0);
    expect((await engine.containers.inspect(id)).state.status).toBe('running');
  });

  it('and break off in the middle of what they type do not end it for others', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['type'], { stdin: true });
    await engine.containers.start(id);
    const one = await engine.containers.attach(id, { stdin: true, stdout: true, stderr: true });
    const writer = one.stdin?.getWriter();
    await writer?.write(Buffer.from('half'));
    await writer?.abort(new Error('gone'));
    await one[Symbol.asyncDispose]();
    const two = await engine.containers.attach(id, { stdin: true, stdout: true, stderr: true });
    await two.stdin?.getWriter().close();
    await text(two);
    expect(bench.world.runs.get(id)?.typed ?? ['half']).toEqual(['half']);
  });
});

describe('the rest', () => {
  it('reads logs, to the end of a run that goes on', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['sleep']);
    await engine.containers.start(id);
    bench.world.write(id, 1, 'one\n');
    bench.world.write(id, 2, 'two\n');
    const read = async (o: object): Promise<string> => {
      let out = '';
      for await (const { line } of engine.containers.logs(id, { stdout: true, stderr: true, ...o })) out += Buffer.from(line).toString();
      return out;
    };
    expect(await read({ stderr: false })).toBe('one\n');
    expect(await read({ tail: 1 })).toBe('two\n');
    const followed = read({ follow: true });
    bench.world.write(id, 1, 'three\n');
    bench.world.exit(id, 0);
    expect(await followed).toBe('one\ntwo\nthree\n');
    await expect(read({ stdout: false, stderr: false })).rejects.toThrow(kindAndCode('invalid', 'no-streams'));
    const quiet = await made(engine, ['sleep'], { log: { driver: 'none' } });
    await expect(engine.containers.logs(quiet, { stdout: true, stderr: true })[Symbol.asyncIterator]().next()).rejects.toThrow(kindAndCode('notImplemented', 'log-not-readable'));
  });

  it('renames', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['sleep'], { name: 'old' });
    await made(engine, ['sleep'], { name: 'taken' });
    await expect(engine.containers.rename(id, 'taken')).rejects.toThrow(kindAndCode('conflict', 'name-in-use'));
    await engine.containers.rename('old', 'new');
    expect(await engine.containers.find('new')).toBe(id);
    await expect(engine.containers.find('old')).rejects.toThrow(kindAndCode('notFound', 'no-such-container'));
    await bench.close();
    expect(await (await bench.open()).containers.find('new')).toBe(id);
  });

  it('writes the files of its network for it', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['sleep'], { hostname: 'box', network: { extraHosts: ['db:192.0.2.7'], dns: ['192.0.2.1'], dnsSearch: ['example.org'] } });
    const { hostsPath, hostnamePath, resolvConfPath, logPath } = await engine.containers.inspect(id);
    expect(bench.world.files.get(hostnamePath)).toBe('box\n');
    expect(bench.world.files.get(resolvConfPath)).toBe('nameserver 192.0.2.1\nsearch example.org\n');
    expect(bench.world.files.get(hostsPath)).toMatch(/^127\.0\.0\.1\tlocalhost\n[^]*127\.0\.0\.1\tbox\n192\.0\.2\.7\tdb\n$/);
    expect(logPath).toBe(`/state/${id}/${id}-json.log`);
  });

  it('runs execs, with their exit codes', async () => {
    await using bench = await Bench.make(app);
    const engine = await bench.ready();
    const id = await made(engine, ['sleep']);
    await expect(engine.execs.create(id, { cmd: ['exit', '5'] })).rejects.toThrow(kindAndCode('conflict', 'not-running'));
    await engine.containers.start(id);
    const exec = await engine.execs.create(id, { cmd: ['exit', '5'], user: 'web' });
    expect(await engine.execs.inspect(exec)).toMatchObject({ running: false, exitCode: null });
    await engine.execs.start(exec, { detach: true });
    await expect.poll(async () => (await engine.execs.inspect(exec)).exitCode).toBe(5);
    await expect(engine.execs.start(exec)).rejects.toThrow(kindAndCode('conflict', 'exec-started'));
    const bad = await engine.execs.create(id, { cmd: ['missing'] });
    await expect(engine.execs.start(bad, { detach: true })).rejects.toThrow(kindAndCode('invalid', 'program-not-found'));
    expect((await engine.execs.inspect(bad)).exitCode).toBe(127);
    await engine.containers.kill(id);
    await engine.containers.wait(id);
    await expect(engine.execs.inspect(exec)).rejects.toThrow(kindAndCode('notFound', 'no-such-exec'));
  });
});

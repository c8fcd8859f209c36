import { strict as assert } from 'node:assert';
import type { Case } from '../harness/index.ts';
import { collect, rejects, type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

/** From a sandbox to nothing. */
export const lifecycle: Cases = [
  {
    name: 'a container is created, runs, ends and is gone',
    async run(t) {
      const id = await t.create('exit 0');
      const created = await t.driver.state(id);
      assert.equal(created.status, 'created');
      assert.equal(created.exit, undefined);
      assert.equal(created.startedAt, undefined);
      assert.ok((created.pid ?? 0) > 0, 'a created container has a process that waits');
      const started = await t.driver.start(id);
      assert.ok(['running', 'stopped'].includes(started.status));
      const exit = await t.driver.wait(id);
      assert.deepEqual({ ...exit, at: '' }, { code: 0, oomKilled: false, at: '' });
      const stopped = await t.driver.state(id);
      assert.equal(stopped.status, 'stopped');
      assert.equal(stopped.pid, undefined);
      assert.deepEqual(stopped.exit, exit);
      assert.ok(stopped.startedAt !== undefined && stopped.startedAt <= exit.at, 'it ended before it began');
      assert.deepEqual(await t.driver.delete(id), exit);
      await rejects('notFound', t.driver.state(id), 'state() of what was deleted');
      await t.driver.closeSandbox(stopped.sandbox);
      await t.nothingLeft();
    },
  },
  {
    name: 'nothing is left of a container that never ran',
    async run(t) {
      const id = await t.create('exit 0');
      const { sandbox } = await t.driver.state(id);
      assert.equal(await t.driver.delete(id), null);
      await t.driver.closeSandbox(sandbox);
      await t.nothingLeft();
    },
  },
  {
    name: 'a program gets its arguments, environment, directory, user, groups and mask',
    async run(t) {
      const { out, err } = await t.run([], {
        process: {
          args: ['/bin/sh', '-c', 'echo "$1|$2"; echo "$A|$B"; pwd; id -u; id -g; id -G; umask; grep "open files" /proc/self/limits', 'name', 'one two', '*'],
          env: ['PATH=/bin', 'A=b=c', 'B='],
          cwd: '/work',
          user: { uid: 1234, gid: 77, additionalGids: [77, 88], umask: 0o027 },
          rlimits: [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }],
        },
      });
      assert.equal(err, '');
      const lines = out.trim().split('\n').map((line) => line.trim().replace(/\s+/g, ' '));
      assert.deepEqual(lines, ['one two|*', 'b=c|', '/work', '1234', '77', '77 88', '0027', 'Max open files 100 200 files']);
    },
  },
  {
    name: 'a bare program name is looked up in PATH',
    async run(t) {
      const { out } = await t.run(['echo', 'found'], { process: { env: ['PATH=/nowhere:/bin'] } });
      assert.equal(out, 'found\n');
    },
  },
  {
    name: 'list() has all containers, whatever they do',
    async run(t) {
      const made = await t.create('true');
      const running = await t.start('sleep 1000');
      const { id: ended } = await t.run('true');
      const states = await collect(t.driver.list());
      assert.deepEqual(Object.fromEntries(states.map((state) => [state.id, state.status])), { [made]: 'created', [running]: 'running', [ended]: 'stopped' });
    },
  },
  {
    name: 'what is not there is notFound, in every method',
    async run(t) {
      const { driver } = t;
      const id = 'nosuch';
      await rejects('notFound', driver.start(id), 'start()');
      await rejects('notFound', driver.exec(id, 'x', { args: ['true'], cwd: '/', user: { uid: 0, gid: 0 } }, { terminal: false, stdin: false }), 'exec()');
      await rejects('notFound', driver.kill(id, 9), 'kill()');
      await rejects('notFound', t.attach(id), 'attach()');
      await rejects('notFound', driver.resize(id, { rows: 1, cols: 1 }), 'resize()');
      await rejects('notFound', driver.setLog(id, t.log('x')), 'setLog()');
      if (driver.capabilities.pause) {
        await rejects('notFound', driver.pause(id), 'pause()');
        await rejects('notFound', driver.resume(id), 'resume()');
      }
      if (driver.capabilities.update) await rejects('notFound', driver.update(id, {}), 'update()');
      await rejects('notFound', driver.stats(id), 'stats()');
      await rejects('notFound', driver.pids(id), 'pids()');
      await rejects('notFound', driver.wait(id), 'wait()');
      await rejects('notFound', driver.state(id), 'state()');
      assert.equal(await driver.delete(id, { force: true }), null);
      await driver.closeSandbox(id);
      await rejects('notFound', t.createIn(id, 'c', 'true'), 'create() in no sandbox');
    },
  },
  {
    name: 'a stopped container is not started again',
    async run(t) {
      const { id } = await t.run('true');
      await rejects('conflict', t.driver.start(id), 'start() of a stopped container');
      await rejects('conflict', t.driver.kill(id, 15), 'kill() of a stopped container');
      await rejects('conflict', t.attach(id), 'attach() to a stopped container');
    },
  },
  {
    name: 'a running container is not started twice',
    async run(t) {
      const id = await t.start('sleep 1000');
      await rejects('conflict', t.driver.start(id), 'the second start()');
    },
  },
  {
    name: 'wait() may be asked before, during and after, by several, and given up',
    async run(t) {
      const id = await t.create('read x; exit 3', { io: { stdin: true } });
      const waits = [t.driver.wait(id), t.driver.wait(id)];
      const end = new AbortController();
      const givenUp = rejects('aborted', t.driver.wait(id, { signal: end.signal }), 'wait() whose signal fired');
      await using attached = await t.attach(id, { stdin: true });
      await t.driver.start(id);
      end.abort();
      await givenUp;
      waits.push(t.driver.wait(id));
      await attached.stdin?.getWriter().close();
      const exits = await Promise.all(waits);
      assert.deepEqual(exits.map(({ code }) => code), [3, 3, 3]);
      assert.deepEqual(await t.driver.wait(id), exits[0]);
    },
  },
];

import { strict as assert } from 'node:assert';
import type { Case } from '../harness/index.ts';
import { program } from './spec.ts';
import { eventually, rejects, type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

const pipes = { terminal: false, stdin: false };

/** Further processes in a container that runs. */
export const execs: Cases = [
  {
    name: 'an exec runs beside the program, in all of its namespaces',
    async run(t) {
      const id = await t.start('echo own > /tmp/file; hostname; sleep 1000');
      await eventually('the program has written', async () => (await t.exec(id, 'cat /tmp/file')).out === 'own\n');
      const { out, exit } = await t.exec(id, 'hostname; for ns in mnt net ipc uts pid cgroup; do test "$(readlink /proc/1/ns/$ns)" = "$(readlink /proc/self/ns/$ns)" || echo differs $ns; done; exit 6');
      assert.equal(out, 'sandbox-host\n');
      assert.equal(exit.code, 6);
      assert.equal((await t.driver.state(id)).status, 'running');
    },
  },
  {
    name: 'an exec has its own arguments, environment, user and input',
    async run(t) {
      const id = await t.start('sleep 1000', { process: { env: ['PATH=/bin', 'OF_PROGRAM=1'] } });
      const { out, err } = await t.exec(id, 'id -u; echo "$OF_PROGRAM$MINE"; pwd; cat; echo e >&2', { stdin: 'input\n', process: { env: ['PATH=/bin', 'MINE=2'], cwd: '/work', user: { uid: 99, gid: 98 } } });
      assert.deepEqual([out, err], ['99\n2\n/work\ninput\n', 'e\n']);
    },
  },
  {
    name: 'an exec is held until start(), and in the state until it is deleted',
    async run(t) {
      const id = await t.start('sleep 1000');
      const { pid } = await t.driver.exec(id, 'x', program('exit 8'), pipes);
      assert.ok(pid > 0);
      assert.deepEqual((await t.driver.state(id)).execs, [{ id: 'x', status: 'created' }]);
      await t.finish(id, { execId: 'x' });
      const [exec] = (await t.driver.state(id)).execs;
      assert.deepEqual({ status: exec?.status, code: exec?.exit?.code }, { status: 'stopped', code: 8 });
      assert.equal((await t.driver.wait(id, { execId: 'x' })).code, 8);
      await rejects('conflict', t.driver.start(id, 'x'), 'the second start()');
      await rejects('conflict', t.driver.exec(id, 'x', program('true'), pipes), 'exec() with an id that is taken');
      assert.equal((await t.driver.delete(id, { execId: 'x' }))?.code, 8);
      assert.deepEqual((await t.driver.state(id)).execs, []);
      assert.equal(await t.driver.delete(id, { execId: 'x' }), null);
      await rejects('notFound', t.driver.wait(id, { execId: 'x' }), 'wait() for a deleted exec');
      await t.driver.exec(id, 'x', program('true'), pipes);
    },
  },
  {
    name: 'an exec can be killed, alone',
    async run(t) {
      const id = await t.start('sleep 1000');
      await t.driver.exec(id, 'x', program('sleep 1000'), pipes);
      await t.driver.start(id, 'x');
      await rejects('conflict', t.driver.delete(id, { execId: 'x' }), 'delete() of an exec that runs');
      await t.driver.kill(id, 9, { execId: 'x' });
      assert.equal((await t.driver.wait(id, { execId: 'x' })).code, 137);
      await rejects('conflict', t.driver.kill(id, 9, { execId: 'x' }), 'kill() of an exec that ended');
      await rejects('notFound', t.driver.kill(id, 9, { execId: 'y' }), 'kill() of no exec');
      assert.equal((await t.driver.state(id)).status, 'running');
    },
  },
  {
    name: 'an exec that runs is deleted by force',
    async run(t) {
      const id = await t.start('sleep 1000');
      await t.driver.exec(id, 'x', program('sleep 1000'), pipes);
      await t.driver.start(id, 'x');
      assert.equal((await t.driver.delete(id, { execId: 'x', force: true }))?.code, 137);
      assert.deepEqual((await t.driver.state(id)).execs, []);
      assert.equal((await t.driver.pids(id)).length, 1);
    },
  },
  {
    name: 'execs end with their container, and are told',
    async run(t) {
      const id = await t.start('sleep 1000');
      await t.driver.exec(id, 'x', program('sleep 1000'), pipes);
      await t.driver.start(id, 'x');
      const ended = t.driver.wait(id, { execId: 'x' });
      await t.driver.kill(id, 9);
      assert.equal((await ended).code, 137);
      assert.equal((await t.driver.wait(id)).code, 137);
    },
  },
  {
    name: 'a program that cannot be executed is refused with 126 or 127, and the container goes on',
    async run(t) {
      const id = await t.start('sleep 1000');
      for (const [path, code] of [['/nosuch', 127], ['/etc/not-executable', 126]] as const) {
        const execId = t.name('x');
        await t.driver.exec(id, execId, program([path]), pipes);
        const details = await rejects('invalid', t.driver.start(id, execId), 'start()');
        assert.equal(details['exitCode'], code);
        assert.equal((await t.driver.wait(id, { execId })).code, code);
      }
      assert.equal((await t.driver.state(id)).status, 'running');
    },
  },
  {
    name: 'there is no exec in a container that does not run',
    async run(t) {
      const made = await t.create('true');
      await rejects('conflict', t.driver.exec(made, 'x', program('true'), pipes), 'exec() before start()');
      const { id } = await t.run('true');
      await rejects('conflict', t.driver.exec(id, 'x', program('true'), pipes), 'exec() after the end');
    },
  },
  {
    name: 'an exec of a bad specification is invalid, and leaves nothing',
    async run(t) {
      const id = await t.start('sleep 1000');
      await rejects('invalid', t.driver.exec(id, 'x', { ...program('true'), args: [] }, pipes), 'exec() without a program');
      await rejects('invalid', t.driver.exec(id, 'x', { ...program('true'), user: { uid: -1, gid: 0 } }, pipes), 'exec() as nobody');
      assert.deepEqual((await t.driver.state(id)).execs, []);
    },
  },
  {
    name: 'many execs at once, each with its own output and exit',
    async run(t) {
      const id = await t.start('sleep 1000');
      const outcomes = await Promise.all(Array.from({ length: 12 }, (_, n) => t.exec(id, `echo ${n}; exit ${n}`)));
      assert.deepEqual(outcomes.map(({ out, exit }) => [out, exit.code]), Array.from({ length: 12 }, (_, n) => [`${n}\n`, n]));
    },
  },
];

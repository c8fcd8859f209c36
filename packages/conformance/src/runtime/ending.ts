import { strict as assert } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';
import type { Case } from '../harness/index.ts';
import { program } from './spec.ts';
import { collect, collectOutput, eventually, rejects, type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

/** What `open()` must not take longer than, whatever it finds. */
const bound = 250;

/** Closing, and opening again. */
export const ending: Cases = [
  {
    name: 'containers outlive the driver, with their streams, execs and exits',
    async run(t) {
      const id = await t.start('read x; echo "got $x"; exit 4', { io: { stdin: true, log: t.log('outlive') } });
      await t.driver.exec(id, 'x', program('sleep 1000'), { terminal: false, stdin: false });
      await t.driver.start(id, 'x');
      await t.driver.exec(id, 'held', program('exit 9'), { terminal: false, stdin: false });
      const before = await t.driver.state(id);
      await t.reopen();
      assert.deepEqual(await t.driver.state(id), before);
      assert.equal((await t.finish(id, { execId: 'held' })).exit.code, 9);
      await using attached = await t.attach(id, { stdin: true });
      const output = collectOutput(attached);
      const writer = attached.stdin?.getWriter();
      await writer?.write(Buffer.from('it\n'));
      assert.equal((await t.driver.wait(id)).code, 4);
      assert.deepEqual(await output, ['got it\n', '']);
      assert.match(await t.logText('outlive'), /got it/);
    },
  },
  {
    name: 'what ended while no driver was there is found as it ended',
    async run(t) {
      const [ends, made, runs] = [await t.start('sleep 0.1; exit 6'), await t.create('exit 7'), await t.start('sleep 1000')];
      await t.driver[Symbol.asyncDispose]();
      await delay(300);
      await t.reopenClosed('two');
      const states = Object.fromEntries((await collect(t.driver.list())).map(({ id, status, exit }) => [id, [status, exit?.code]]));
      assert.deepEqual(states, { [ends]: ['stopped', 6], [made]: ['created', undefined], [runs]: ['running', undefined] });
      assert.equal((await t.driver.wait(ends)).code, 6);
      assert.equal((await t.finish(made)).exit.code, 7);
      await t.clear(ends, made, runs);
      await t.nothingLeft();
    },
  },
  {
    name: 'a paused container is found paused',
    async run(t) {
      if (!t.driver.capabilities.pause) return;
      const id = await t.start('sleep 1000');
      await t.driver.pause(id);
      await t.reopen();
      assert.equal((await t.driver.state(id)).status, 'paused');
      await t.driver.resume(id);
      assert.equal((await t.driver.state(id)).status, 'running');
    },
  },
  {
    name: 'sandboxes outlive the driver, empty or not',
    async run(t) {
      const request = { id: 'kept', namespaces: ['net' as const, 'pid' as const, 'uts' as const, 'ipc' as const, 'cgroup' as const], sysctls: {}, hostname: 'kept' };
      const sandbox = await t.driver.openSandbox(request);
      await t.reopen();
      assert.deepEqual(await t.driver.openSandbox(request), sandbox);
      await t.createIn('kept', 'c', 'hostname');
      assert.equal((await t.finish('c')).out, 'kept\n');
      await t.reopen();
      await rejects('conflict', t.driver.closeSandbox('kept'), 'closeSandbox() around a container');
      await t.clear('c');
      await t.nothingLeft();
    },
  },
  {
    name: 'an exec that is made later has the filter of its container',
    async run(t) {
      const id = await t.start('sleep 1000', { spec: (spec) => ({ ...spec, linux: { ...spec.linux, seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 122 }] } } }) });
      await t.reopen('two');
      assert.match((await t.exec(id, 'mkdir /tmp/x')).err, /[Qq]uota exceeded/);
    },
  },
  {
    name: 'a closed driver is unavailable, and may be closed again',
    async run(t) {
      const id = await t.start('sleep 1000');
      const { driver } = t;
      await driver[Symbol.asyncDispose]();
      await rejects('unavailable', driver.state(id), 'state()');
      await rejects('unavailable', driver.openSandbox({ id: 'x', namespaces: [], sysctls: {} }), 'openSandbox()');
      await rejects('unavailable', collect(driver.list()), 'list()');
      if (t.mode === 'direct') await driver[Symbol.asyncDispose]();
      await t.reopenClosed();
      assert.equal((await t.driver.state(id)).status, 'running');
    },
  },
  {
    name: 'closing ends what waits',
    async run(t) {
      const id = await t.start('sleep 1000');
      const waits = rejects(['aborted', 'unavailable'], t.driver.wait(id), 'wait()');
      const following = collect(t.driver.events()).then(() => undefined, () => undefined);
      await delay(20);
      await t.driver[Symbol.asyncDispose]();
      await Promise.all([waits, following]);
      await t.reopenClosed();
    },
  },
  {
    name: `open() takes less than ${bound} ms, whatever it finds`,
    async run(t) {
      for (let n = 0; n < 20; n++) await t.start('sleep 1000');
      const times: number[] = [];
      for (let n = 0; n < 3; n++) {
        await t.driver[Symbol.asyncDispose]();
        const begin = performance.now();
        await t.reopenClosed();
        times.push(performance.now() - begin);
      }
      assert.ok(Math.min(...times) < bound, `it took ${times.map((ms) => ms.toFixed()).join(', ')} ms`);
      await eventually('all are found', async () => (await collect(t.driver.list())).filter(({ status }) => status === 'running').length === 20);
    },
  },
  {
    name: 'what is declared false is notImplemented',
    async run(t) {
      const id = await t.start('sleep 1000');
      const { checkpoint } = t.driver.capabilities;
      if (!checkpoint) await rejects('notImplemented', t.driver.checkpoint(id, { dir: t.env.root, leave: true }), 'checkpoint()');
    },
  },
];

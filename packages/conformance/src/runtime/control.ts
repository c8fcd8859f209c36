import { strict as assert } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';
import type { Case } from '../harness/index.ts';
import { eventually, rejects, type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

const counting = 'n=0; while true; do n=$((n+1)); echo $n > /tmp/n; sleep 0.01; done';

async function count(t: RuntimeFixture, id: string): Promise<number> {
  return Number((await t.exec(id, 'cat /tmp/n')).out);
}

/** What is done to a container that runs. */
export const control: Cases = [
  {
    name: 'pause() stops every process, resume() lets them go on',
    async run(t) {
      const { driver } = t;
      const id = await t.start(counting, { io: { log: t.log('ticks') } });
      if (!driver.capabilities.pause) {
        await rejects('notImplemented', driver.pause(id), 'pause() where it is not declared');
        return;
      }
      await eventually('it counts', async () => (await count(t, id)) > 2);
      await driver.pause(id);
      assert.equal((await driver.state(id)).status, 'paused');
      const used = (await driver.stats(id)).cpu.ns;
      await delay(150);
      assert.equal((await driver.stats(id)).cpu.ns, used, 'it used a processor while it was paused');
      await rejects('conflict', driver.pause(id), 'the second pause()');
      await driver.resume(id);
      assert.equal((await driver.state(id)).status, 'running');
      const before = await count(t, id);
      await eventually('it goes on', async () => (await count(t, id)) > before);
      await rejects('conflict', driver.resume(id), 'resume() of what is not paused');
    },
  },
  {
    name: 'a paused container can be killed, and deleted by force',
    async run(t) {
      if (!t.driver.capabilities.pause) return;
      const [one, two] = [await t.start(counting), await t.start(counting)];
      await t.driver.pause(one);
      await t.driver.kill(one, 9);
      assert.equal((await t.driver.wait(one)).code, 137);
      await t.driver.pause(two);
      assert.equal((await t.driver.delete(two, { force: true }))?.code, 137);
    },
  },
  {
    name: 'what does not run is neither paused nor resumed',
    async run(t) {
      if (!t.driver.capabilities.pause) return;
      const made = await t.create('true');
      await rejects('conflict', t.driver.pause(made), 'pause() before start()');
      const { id } = await t.run('true');
      await rejects('conflict', t.driver.pause(id), 'pause() after the end');
      await rejects('conflict', t.driver.resume(id), 'resume() after the end');
    },
  },
  {
    name: 'stats() grow with what is used',
    async run(t) {
      const id = await t.start('n=0; while [ $n -lt 30000 ]; do n=$((n+1)); done; dd if=/dev/zero of=/tmp/x bs=1048576 count=8 2>/dev/null; echo > /tmp/done; sleep 1000');
      await eventually('it has worked', async () => (await t.exec(id, 'test -e /tmp/done')).exit.code === 0, 50_000);
      const stats = await t.driver.stats(id);
      assert.ok(stats.cpu.ns > 5_000_000, `${stats.cpu.ns} ns of processor`);
      assert.ok(stats.cpu.userNs + stats.cpu.systemNs <= stats.cpu.ns * 1.2 + 20_000_000, 'more in parts than in all');
      assert.ok(stats.memory.bytes > 8 << 20, `${stats.memory.bytes} bytes of memory`);
      assert.ok(Object.keys(stats.memory.stat).length > 5, 'memory.stat is missing');
      assert.ok(stats.pids.now >= 1);
      assert.ok(Math.abs(Date.parse(stats.at) - Date.now()) < 5000, 'at is not now');
    },
  },
  {
    name: 'pids() are the container\'s, as the host counts them',
    async run(t) {
      const id = await t.start('sleep 1000 & sleep 1000 & wait');
      await eventually('all are there', async () => (await t.driver.pids(id)).length === 3);
      const { pid } = await t.driver.state(id);
      assert.ok((await t.driver.pids(id)).includes(pid ?? -1), 'the first process is not among them');
      await t.driver.kill(id, 9);
      await t.driver.wait(id);
      assert.deepEqual(await t.driver.pids(id), []);
    },
  },
  {
    name: 'update() changes limits of a container that runs',
    async run(t) {
      const { driver } = t;
      const id = await t.start('sleep 1000');
      if (!driver.capabilities.update) {
        await rejects('notImplemented', driver.update(id, {}), 'update() where it is not declared');
        return;
      }
      const state = await driver.update(id, { pids: { limit: 7 }, memory: { limit: 64 << 20 }, cpu: { quota: 50_000, period: 100_000, shares: 512 } });
      assert.equal(state.status, 'running');
      const stats = await driver.stats(id);
      assert.deepEqual([stats.pids.limit, stats.memory.limit], [7, 64 << 20]);
      await driver.update(id, { memory: { limit: 96 << 20 } });
      assert.equal((await driver.stats(id)).memory.limit, 96 << 20);
      await rejects('invalid', driver.update(id, { pids: { limit: 'many' } }), 'update() with what is no number');
      await rejects('invalid', driver.update(id, { nosuch: {} }), 'update() of what is no resource');
      assert.equal((await driver.stats(id)).pids.limit, 7);
    },
  },
];

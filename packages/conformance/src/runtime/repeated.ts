import { strict as assert } from 'node:assert';
import type { Case } from '../harness/index.ts';
import { rejects, type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

const request = { id: 'same', namespaces: ['net' as const, 'pid' as const], sysctls: { 'net.ipv4.ip_forward': '1' } };

/** The same call again, because its answer was lost; and calls beside each other. */
export const repeated: Cases = [
  {
    name: 'openSandbox() with equal arguments returns what exists, with others it is a conflict',
    async run(t) {
      const first = await t.driver.openSandbox(request);
      assert.deepEqual(await t.driver.openSandbox({ ...request, namespaces: ['pid', 'net'] }), first);
      await rejects('conflict', t.driver.openSandbox({ ...request, namespaces: ['net'] }), 'other namespaces');
      await rejects('conflict', t.driver.openSandbox({ ...request, sysctls: {} }), 'other sysctls');
      await t.driver.closeSandbox('same');
      await t.driver.closeSandbox('same');
      await t.nothingLeft();
    },
  },
  {
    name: 'create() with the same token returns what exists, with another it is a conflict',
    async run(t) {
      const sandbox = await t.sandbox();
      const first = await t.createIn(sandbox, 'c', 'echo first', { token: 'one' });
      assert.deepEqual(await t.createIn(sandbox, 'c', 'echo other', { token: 'one' }), first);
      await rejects('conflict', t.createIn(sandbox, 'c', 'echo other', { token: 'two' }), 'create() with another token');
      assert.equal((await t.finish('c')).out, 'first\n');
      const ended = await t.createIn(sandbox, 'c', 'echo other', { token: 'one' });
      assert.equal(ended.status, 'stopped');
      await rejects('conflict', t.createIn(sandbox, 'c', 'echo other', { token: 'two' }), 'create() over a stopped container');
    },
  },
  {
    name: 'an id can be used again once its container was deleted, in a new sandbox and in the same',
    async run(t) {
      const sandbox = await t.sandbox();
      for (const n of [1, 2, 3]) {
        await t.createIn(sandbox, 'c', `exit ${n}`, { token: `token ${n}` });
        assert.equal((await t.finish('c')).exit.code, n);
        await t.driver.delete('c');
      }
      await t.driver.closeSandbox(sandbox);
      await t.nothingLeft();
    },
  },
  {
    name: 'delete() again is null',
    async run(t) {
      const { id } = await t.run('exit 1');
      assert.equal((await t.driver.delete(id))?.code, 1);
      assert.equal(await t.driver.delete(id), null);
      assert.equal(await t.driver.delete(id, { force: true }), null);
    },
  },
  {
    name: 'a container that runs is deleted by force alone',
    async run(t) {
      const id = await t.start('sleep 1000');
      const { sandbox } = await t.driver.state(id);
      await rejects('conflict', t.driver.delete(id), 'delete() of a container that runs');
      await rejects('conflict', t.driver.closeSandbox(sandbox), 'closeSandbox() around a container that runs');
      assert.equal((await t.driver.delete(id, { force: true }))?.code, 137);
      await t.driver.closeSandbox(sandbox);
      await t.nothingLeft();
    },
  },
  {
    name: 'a stopped container keeps its sandbox open',
    async run(t) {
      const { id } = await t.run('true');
      const { sandbox } = await t.driver.state(id);
      await rejects('conflict', t.driver.closeSandbox(sandbox), 'closeSandbox() around a stopped container');
      await t.driver.delete(id);
      await t.driver.closeSandbox(sandbox);
    },
  },
  {
    name: 'calls on one id at once are carried out one after another',
    async run(t) {
      const sandbox = await t.sandbox();
      const states = await Promise.all([1, 2, 3, 4].map(() => t.createIn(sandbox, 'c', 'sleep 1000', { token: 'one' })));
      assert.equal(new Set(states.map(({ pid }) => pid)).size, 1);
      const starts = await Promise.allSettled([1, 2, 3].map(() => t.driver.start('c')));
      assert.equal(starts.filter(({ status }) => status === 'fulfilled').length, 1);
      const exits = await Promise.all([1, 2, 3].map(() => t.driver.delete('c', { force: true })));
      assert.equal(exits.filter((exit) => exit !== null).length, 1);
    },
  },
  {
    name: 'many containers at once do not disturb each other',
    timeout: 120_000,
    async run(t) {
      const outcomes = await Promise.all(Array.from({ length: 16 }, async (_, n) => {
        const { id, out, exit } = await t.run(`echo ${n}; exit ${n}`);
        await t.clear(id);
        return [out, exit.code] as const;
      }));
      assert.deepEqual(outcomes, Array.from({ length: 16 }, (_, n) => [`${n}\n`, n]));
      await t.nothingLeft();
    },
  },
  {
    name: 'a call whose signal has fired does nothing',
    async run(t) {
      await rejects('aborted', t.driver.openSandbox(request, { signal: AbortSignal.abort() }), 'openSandbox()');
      await t.nothingLeft();
    },
  },
];

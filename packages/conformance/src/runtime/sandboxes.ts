import { strict as assert } from 'node:assert';
import { stat } from 'node:fs/promises';
import type { Case } from '../harness/index.ts';
import { rejects, type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

const inspect = 'for ns in net ipc uts pid; do readlink /proc/self/ns/$ns; done';

/** Namespaces without a program. */
export const sandboxes: Cases = [
  {
    name: 'namespaces are pinned by path, but for those that can\'t be',
    async run(t) {
      const { namespaces } = await t.driver.openSandbox({ id: 's', namespaces: ['net', 'ipc', 'uts', 'pid', 'cgroup'], sysctls: {} });
      assert.equal(namespaces.pid, undefined);
      assert.ok(namespaces.net !== undefined, 'the network namespace has no path');
      const { out } = await (async () => {
        await t.createIn('s', 'c', 'readlink /proc/self/ns/net');
        return await t.finish('c');
      })();
      const { ino } = await stat(namespaces.net);
      assert.equal(out, `net:[${ino}]\n`);
      await t.clear('c');
    },
  },
  {
    name: 'a sandbox holds on to its namespaces when its container is gone, and gives them to the next one',
    async run(t) {
      const sandbox = await t.sandbox();
      const seen: string[][] = [];
      for (const id of ['one', 'two']) {
        await t.createIn(sandbox, id, inspect);
        seen.push((await t.finish(id)).out.trim().split('\n'));
        await t.driver.delete(id);
      }
      assert.deepEqual(seen[0]?.slice(0, 3), seen[1]?.slice(0, 3));
      await t.driver.closeSandbox(sandbox);
      await t.nothingLeft();
    },
  },
  {
    name: 'two containers in one sandbox share what is pinned, and nothing else',
    async run(t) {
      const sandbox = await t.sandbox();
      await t.createIn(sandbox, 'one', 'sleep 1000');
      await t.driver.start('one');
      await t.createIn(sandbox, 'two', `${inspect}; echo $$; hostname`);
      const two = (await t.finish('two')).out.trim().split('\n');
      const one = (await t.exec('one', inspect)).out.trim().split('\n');
      assert.deepEqual(two.slice(0, 3), one.slice(0, 3));
      assert.notEqual(two[3], one[3]);
      assert.deepEqual(two.slice(4), ['1', 'sandbox-host']);
      await rejects('conflict', t.driver.closeSandbox(sandbox), 'closeSandbox() around two containers');
      await t.driver.delete('one', { force: true });
      await rejects('conflict', t.driver.closeSandbox(sandbox), 'closeSandbox() around one container');
      await t.driver.delete('two');
      await t.driver.closeSandbox(sandbox);
      await t.nothingLeft();
    },
  },
  {
    name: 'a namespace by path in the specification wins over the sandbox\'s',
    async run(t) {
      const other = await t.driver.openSandbox({ id: t.name('s'), namespaces: ['net'], sysctls: {} });
      const path = other.namespaces.net ?? '';
      const { out } = await t.run('readlink /proc/self/ns/net', {
        spec: (spec) => ({ ...spec, linux: { ...spec.linux, namespaces: (spec.linux?.namespaces ?? []).map((ns) => (ns.type === 'network' ? { ...ns, path } : ns)) } }),
      });
      assert.equal(out, `net:[${(await stat(path)).ino}]\n`);
    },
  },
  {
    name: 'the PID namespace of another container can be entered',
    async run(t) {
      const id = await t.start('sleep 1000');
      const { pid = 0 } = await t.driver.state(id);
      const { out } = await t.run('ps -o args | grep -c "sleep 100[0]"', {
        spec: (spec) => ({ ...spec, linux: { ...spec.linux, namespaces: (spec.linux?.namespaces ?? []).map((ns) => (ns.type === 'pid' ? { ...ns, path: `/proc/${pid}/ns/pid` } : ns)) } }),
      });
      assert.equal(out, '1\n');
    },
  },
  {
    name: 'a specification that disagrees with its sandbox is invalid',
    async run(t) {
      const sandbox = await t.sandbox({ namespaces: ['pid', 'net'] });
      await rejects('invalid', t.createIn(sandbox, 'c', 'true'), 'create() with namespaces that the sandbox lacks');
    },
  },
  {
    name: 'a request that makes no sense is invalid, and makes nothing',
    async run(t) {
      for (const change of [{ id: '../x' }, { id: '' }, { hostname: 'x'.repeat(65) }, { namespaces: ['net' as const], hostname: 'h' }, { cgroupParent: '/a/../../b' }]) {
        await rejects('invalid', t.sandbox(change), `openSandbox() with ${JSON.stringify(change)}`);
      }
      await t.nothingLeft();
    },
  },
];

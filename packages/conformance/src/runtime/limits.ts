import { strict as assert } from 'node:assert';
import type { OciResources, OciSpec } from '@gantry/oci';
import type { Case } from '../harness/index.ts';
import { eventually, rejects, type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

/** The kit's usual specification, with limits. */
function limited(resources: OciResources): (spec: OciSpec) => OciSpec {
  return (spec) => ({ ...spec, linux: { ...spec.linux, resources: { ...spec.linux?.resources, ...resources } } });
}

const swallow = 'dd if=/dev/zero of=/tmp/x bs=1048576 count=200 2>/dev/null';

/** What a container may use. */
export const limits: Cases = [
  {
    name: 'more memory than allowed kills the program, and it is told why',
    async run(t) {
      const id = await t.start(`exec ${swallow}`, { spec: limited({ memory: { limit: 24 << 20, swap: 24 << 20 } }) });
      const exit = await t.driver.wait(id);
      assert.deepEqual({ code: exit.code, oomKilled: exit.oomKilled }, { code: 137, oomKilled: true });
      const types = (await t.events()).map(({ type }) => type);
      assert.ok(types.includes('oom'), 'there is no oom event');
      assert.ok(types.indexOf('oom') < types.indexOf('exit'), 'the oom event comes after the exit');
    },
  },
  {
    name: 'memory that a child is killed for is told, and the program goes on',
    async run(t) {
      const { exit, out } = await t.run(`${swallow}; echo "child $?"; rm -f /tmp/x; exit 3`, { spec: limited({ memory: { limit: 24 << 20, swap: 24 << 20 } }) });
      assert.equal(out, 'child 137\n');
      assert.deepEqual({ code: exit.code, oomKilled: exit.oomKilled }, { code: 3, oomKilled: true });
    },
  },
  {
    name: 'the limit of memory is what stats() show',
    async run(t) {
      const id = await t.start('sleep 1000', { spec: limited({ memory: { limit: 48 << 20 } }) });
      assert.equal((await t.driver.stats(id)).memory.limit, 48 << 20);
    },
  },
  {
    name: 'no more processes than allowed',
    async run(t) {
      const { out, err } = await t.run('for n in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; echo unreached', { spec: limited({ pids: { limit: 5 } }) });
      assert.equal(out, '');
      assert.match(err, /can't fork|Resource temporarily unavailable/);
    },
  },
  {
    name: 'no more of a processor than allowed',
    async run(t) {
      const id = await t.start('while true; do true; done', { spec: limited({ cpu: { quota: 10_000, period: 100_000 } }) });
      await eventually('it is throttled', async () => (await t.driver.stats(id)).cpu.throttled > 2);
      const stats = await t.driver.stats(id);
      assert.ok(stats.cpu.periods >= stats.cpu.throttled && stats.cpu.throttledNs > 0);
    },
  },
  {
    name: 'only on the processors that were named',
    async run(t) {
      const { out } = await t.run('grep Cpus_allowed_list /proc/self/status', { spec: limited({ cpu: { cpus: '0' } }) });
      assert.match(out, /Cpus_allowed_list:\s*0\n/);
    },
  },
  {
    name: 'devices are denied but for those of every container',
    async run(t) {
      const { out } = await t.run('mknod /tmp/sda b 8 0; mknod /tmp/mem c 1 1; for f in /tmp/sda /tmp/mem; do dd if=$f of=/dev/null bs=1 count=1 2>&1 | grep -o "Operation not permitted"; done; head -c 4 /dev/urandom | wc -c; echo x > /dev/null && echo fine', {
        spec: (spec) => ({ ...spec, mounts: (spec.mounts ?? []).map((mount) => (mount.destination === '/tmp' ? { ...mount, options: ['mode=1777'] } : mount)) }),
      });
      assert.deepEqual(out.trim().split('\n').map((line) => line.trim()), ['Operation not permitted', 'Operation not permitted', '4', 'fine']);
    },
  },
  {
    name: 'without any rule for devices they are denied as well',
    async run(t) {
      const { out } = await t.run('mknod /tmp/sda b 8 0 2>&1 | grep -o "Operation not permitted"; echo x > /dev/null && echo fine', {
        spec: (spec) => ({ ...spec, linux: { ...spec.linux, resources: {} } }),
      });
      assert.equal(out, 'Operation not permitted\nfine\n');
    },
  },
  {
    name: 'a device that was asked for is there, and no other',
    async run(t) {
      const rules = [{ allow: false, access: 'rwm' }, { allow: true, type: 'c', major: 10, minor: 229, access: 'r' }] as const;
      const { out } = await t.run('stat -c "%t:%T %a" /dev/fuse; (exec 3< /dev/fuse) && echo readable; (exec 3> /dev/fuse) 2>&1 | grep -o "Operation not permitted"', {
        spec: (spec) => ({ ...spec, linux: { ...spec.linux, resources: { devices: rules }, devices: [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o600 }] } }),
      });
      assert.match(out, /^a:e5 600\n(readable\n)?Operation not permitted\n$/); // this kernel may have no such driver
    },
  },
  {
    name: 'a limit that nothing could keep is invalid before anything is made',
    async run(t) {
      const sandbox = await t.sandbox();
      for (const resources of [{ memory: { limit: -5 } }, { pids: { limit: Number.NaN } }, { cpu: { period: 1 } }, { cpu: { cpus: 'all' } }]) {
        await rejects('invalid', t.createIn(sandbox, 'c', 'true', { spec: limited(resources) }), `create() with ${JSON.stringify(resources)}`);
      }
      await rejects('notFound', t.driver.state('c'), 'state() of what could not be made');
      await t.createIn(sandbox, 'c', 'exit 2');
      assert.equal((await t.finish('c')).exit.code, 2, 'the sandbox was spoilt');
    },
  },
];

import { strict as assert } from 'node:assert';
import type { Case } from '../harness/index.ts';
import { eventually, rejects, type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

/** How programs end. */
export const exits: Cases = [
  ...[0, 1, 7, 126, 127, 255].map((code) => ({
    name: `exit code ${code} is the program's`,
    async run(t: RuntimeFixture) {
      const { exit } = await t.run(`exit ${code}`);
      assert.equal(exit.code, code);
      assert.equal(exit.lost, undefined);
    },
  })),
  ...([
    ['/nosuch', 127, 'a program that is not there'],
    ['nosuch', 127, 'a program that is in no folder of PATH'],
    ['/etc/passwd/x', 127, 'a program below a file'],
    ['/etc/not-executable', 126, 'a file without permission to execute'],
    ['/etc', 126, 'a folder'],
  ] as const).map(([path, code, what]) => ({
    name: `${what} is refused with exit code ${code}, and the container is stopped`,
    async run(t: RuntimeFixture) {
      const id = await t.create([path]);
      const details = await rejects('invalid', t.driver.start(id), 'start()');
      assert.equal(details['exitCode'], code);
      const state = await t.driver.state(id);
      assert.equal(state.status, 'stopped');
      assert.equal(state.exit?.code, code);
      assert.equal((await t.driver.wait(id)).code, code);
      await t.driver.delete(id);
      await t.driver.closeSandbox(state.sandbox);
      await t.nothingLeft();
    },
  })),
  {
    name: 'a signal ends a program with 128 and its number',
    async run(t) {
      for (const signal of [9, 15, 6]) {
        // The first process of a PID namespace takes only signals that it wants, so a child takes it.
        const { exit } = await t.run(`sh -c 'kill -${signal} $$'; exit $?`);
        assert.equal(exit.code, 128 + signal);
      }
    },
  },
  {
    name: 'kill() reaches a program that asked for the signal',
    async run(t) {
      const id = await t.create('trap "echo caught; exit 42" TERM; echo ready; while true; do sleep 0.02; done');
      await using attached = await t.attach(id);
      await t.driver.start(id);
      let out = '';
      for await (const { data } of attached.output) {
        out += Buffer.from(data).toString();
        if (out === 'ready\n') await t.driver.kill(id, 15);
      }
      assert.equal(out, 'ready\ncaught\n');
      assert.equal((await t.driver.wait(id)).code, 42);
    },
  },
  {
    name: 'SIGKILL ends a program with 137',
    async run(t) {
      const id = await t.start('while true; do sleep 1; done');
      await t.driver.kill(id, 9);
      const exit = await t.driver.wait(id);
      assert.deepEqual({ code: exit.code, oomKilled: exit.oomKilled }, { code: 137, oomKilled: false });
    },
  },
  {
    name: 'kill() of all reaches every process',
    async run(t) {
      const id = await t.create('for n in 1 2 3; do sh -c "trap \\"echo $n; exit\\" USR1; echo ready; while true; do sleep 0.02; done" & done; trap "" USR1; wait; wait; wait; echo end');
      await using attached = await t.attach(id);
      await t.driver.start(id);
      let [out, sent] = ['', false];
      for await (const { data } of attached.output) {
        out += Buffer.from(data).toString();
        if (!sent && out === 'ready\n'.repeat(3)) {
          sent = true;
          await t.driver.kill(id, 10, { all: true });
        }
      }
      // The shells also tell of what they waited for, which got the signal too.
      assert.deepEqual(out.trim().split('\n').filter((line) => /^\d$|^end$/.test(line)).sort(), ['1', '2', '3', 'end']);
    },
  },
  {
    name: 'processes that the first one leaves behind end with it',
    async run(t) {
      const id = await t.start('sleep 1000 & sleep 1000 & exit 5');
      assert.equal((await t.driver.wait(id)).code, 5);
      await eventually('its processes end', async () => (await t.driver.pids(id)).length === 0);
    },
  },
];

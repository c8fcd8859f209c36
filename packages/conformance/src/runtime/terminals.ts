import { strict as assert } from 'node:assert';
import type { Case } from '../harness/index.ts';
import { collectOutput, rejects, type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

const terminal = { terminal: true, stdin: true, size: { rows: 33, cols: 99 } };

/** One pseudo-terminal instead of three pipes. */
export const terminals: Cases = [
  {
    name: 'a program finds a terminal of the size that was asked for',
    async run(t) {
      const { out, err } = await t.run('test -t 0 && test -t 1 && test -t 2 && echo yes; stty size; tty', { io: terminal });
      const [yes, size, name] = out.trim().split('\r\n');
      assert.deepEqual([yes, size], ['yes', '33 99']);
      assert.match(name ?? '', /^\/dev\/(console|pts\/\d+)$/);
      assert.equal(err, '');
    },
  },
  {
    name: 'the terminal is the controlling one, and its user\'s',
    async run(t) {
      const { out } = await t.run('echo x > /dev/tty; stat -c "%u %t" /dev/console', { io: terminal, process: { user: { uid: 1000, gid: 1000 } } });
      assert.match(out, /^x\r\n1000 88\r\n$/);
    },
  },
  {
    name: 'resize() is seen by the program',
    async run(t) {
      const id = await t.create('trap "stty size; exit 0" WINCH; echo ready; while true; do sleep 0.02; done', { io: terminal });
      await using attached = await t.attach(id);
      await t.driver.start(id);
      let out = '';
      for await (const { fd, data } of attached.output) {
        assert.equal(fd, 1, 'a terminal has one output');
        out += Buffer.from(data).toString();
        if (out === 'ready\r\n') await t.driver.resize(id, { rows: 50, cols: 120 });
      }
      assert.equal(out, 'ready\r\n50 120\r\n');
    },
  },
  {
    name: 'input is echoed, and control characters are signals',
    async run(t) {
      const id = await t.create('trap "echo interrupted; exit 3" INT; echo ready; read line; echo "got $line"; while true; do sleep 0.02; done', { io: terminal });
      await using attached = await t.attach(id, { stdin: true });
      const writer = attached.stdin?.getWriter();
      await t.driver.start(id);
      let out = '';
      let step = 0;
      for await (const { data } of attached.output) {
        out += Buffer.from(data).toString();
        if (step === 0 && out.includes('ready')) {
          step = 1;
          await writer?.write(Buffer.from('hello\n'));
        } else if (step === 1 && out.includes('got hello')) {
          step = 2;
          await writer?.write(Buffer.from('\u0003'));
        }
      }
      assert.equal(out, 'ready\r\nhello\r\ngot hello\r\n^Cinterrupted\r\n');
      assert.equal((await t.driver.wait(id)).code, 3);
    },
  },
  {
    name: 'an exec has a terminal of its own',
    async run(t) {
      const id = await t.start('sleep 1000');
      const { out } = await t.exec(id, 'test -t 1 && stty size', { io: { terminal: true, size: { rows: 7, cols: 8 } } });
      assert.equal(out, '7 8\r\n');
    },
  },
  {
    name: 'without a terminal there is nothing to resize',
    async run(t) {
      const id = await t.start('sleep 1000');
      await rejects('conflict', t.driver.resize(id, { rows: 1, cols: 1 }), 'resize() of pipes');
    },
  },
  {
    name: 'a terminal ends with its program, and all of its output is told',
    async run(t) {
      const id = await t.create('seq 1 5000', { io: terminal });
      await using attached = await t.attach(id);
      await t.driver.start(id);
      const [out] = await collectOutput(attached);
      assert.equal(out.trim().split('\r\n').length, 5000);
    },
  },
];

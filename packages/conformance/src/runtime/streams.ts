import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Case } from '../harness/index.ts';
import { collectOutput, eventually, rejects, type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

const megabytes = 3;

/** Input and output through pipes. */
export const streams: Cases = [
  {
    name: 'both outputs come, each as itself',
    async run(t) {
      const { out, err } = await t.run('echo out; echo err >&2; printf "no newline"');
      assert.deepEqual([out, err], ['out\nno newline', 'err\n']);
    },
  },
  {
    name: 'bytes are not touched',
    async run(t) {
      const id = await t.create('dd if=/dev/urandom bs=1000 count=100 2>/dev/null > /tmp/x; cat /tmp/x; printf "\\000\\377\\r\\n"');
      await using attached = await t.attach(id);
      await t.driver.start(id);
      const chunks: Uint8Array[] = [];
      for await (const { data } of attached.output) chunks.push(data);
      const all = Buffer.concat(chunks);
      assert.equal(all.length, 100_004);
      assert.deepEqual([...all.subarray(-4)], [0, 255, 13, 10]);
    },
  },
  {
    name: 'input reaches the program, and its end too',
    async run(t) {
      const { out, exit } = await t.run('cat; echo end', { stdin: 'one\ntwo' });
      assert.equal(out, 'one\ntwoend\n');
      assert.equal(exit.code, 0);
    },
  },
  {
    name: 'much input and output pass through without loss',
    async run(t) {
      const id = await t.create('cat', { io: { stdin: true } });
      await using attached = await t.attach(id, { stdin: true });
      await t.driver.start(id);
      const block = Buffer.alloc(1 << 16, 'the quick brown fox ');
      const sent = createHash('sha256');
      const writing = (async () => {
        const writer = attached.stdin?.getWriter();
        for (let n = 0; n < megabytes * 16; n++) {
          const piece = Buffer.concat([block, Buffer.from(String(n))]);
          sent.update(piece);
          await writer?.write(piece);
        }
        await writer?.close();
      })();
      const seen = createHash('sha256');
      for await (const { data } of attached.output) seen.update(data);
      await writing;
      assert.equal(seen.digest('hex'), sent.digest('hex'));
      assert.equal((await t.driver.wait(id)).code, 0);
    },
  },
  {
    name: 'a lossless reader stalls the program and misses nothing',
    async run(t) {
      const id = await t.create(`dd if=/dev/zero bs=1048576 count=${megabytes} 2>/dev/null; echo done > /tmp/done; sleep 1000`);
      await using attached = await t.attach(id, { lossless: true, bufferBytes: 4096 });
      await t.driver.start(id);
      await delay(200);
      const early = await t.exec(id, 'cat /tmp/done');
      assert.notEqual(early.exit.code, 0, 'the program went on although nobody read');
      let bytes = 0;
      for await (const { data } of attached.output) {
        bytes += data.length;
        if (bytes === megabytes << 20) break;
      }
      assert.equal(bytes, megabytes << 20);
    },
  },
  {
    name: 'a slow reader that may lose is cut off, and the program goes on',
    async run(t) {
      const id = await t.create(`dd if=/dev/zero bs=1048576 count=${megabytes * 4} 2>/dev/null; exit 9`);
      await using attached = await t.attach(id, { lossless: false, bufferBytes: 65_536 });
      await t.driver.start(id);
      assert.equal((await t.driver.wait(id)).code, 9, 'the program did not end by itself');
      await rejects('exhausted', collectOutput(attached), 'the output of a reader that was too slow');
    },
  },
  {
    name: 'several clients get the same output, and one that leaves stops nobody',
    async run(t) {
      const id = await t.create('read x; echo "$x"; read y; echo "$y"', { io: { stdin: true } });
      await using one = await t.attach(id, { stdin: true });
      const two = await t.attach(id, { stdin: true });
      await using three = await t.attach(id);
      assert.equal(three.stdin, undefined, 'stdin was not asked for');
      await t.driver.start(id);
      const [first, third] = [collectOutput(one), collectOutput(three)];
      const writer = two.stdin?.getWriter();
      await writer?.write(Buffer.from('from two\n'));
      await two[Symbol.asyncDispose]();
      await one.stdin?.getWriter().write(Buffer.from('from one\n'));
      assert.equal((await t.driver.wait(id)).code, 0);
      assert.deepEqual(await Promise.all([first, third]), [['from two\nfrom one\n', ''], ['from two\nfrom one\n', '']]);
    },
  },
  {
    name: 'with stdinOnce, input ends when its first client leaves',
    async run(t) {
      const id = await t.create('cat; echo end', { io: { stdin: true, stdinOnce: true } });
      await using reader = await t.attach(id);
      const writer = await t.attach(id, { stdin: true });
      await t.driver.start(id);
      await writer.stdin?.getWriter().write(Buffer.from('x\n'));
      await eventually('the program is read from', async () => (await t.driver.state(id)).status === 'running');
      await delay(50);
      await writer[Symbol.asyncDispose]();
      assert.deepEqual(await collectOutput(reader), ['x\nend\n', '']);
    },
  },
  {
    name: 'without input, a program reads its end at once',
    async run(t) {
      const { out } = await t.run('cat; stat -L -c "%F %t:%T" /proc/self/fd/0');
      assert.equal(out, 'character special file 1:3\n');
    },
  },
  {
    name: 'attach() begins where it is called',
    async run(t) {
      const id = await t.create('echo early; read x; echo late', { io: { stdin: true, log: t.log('early') } });
      await using before = await t.attach(id, { stdin: true });
      await t.driver.start(id);
      const all = collectOutput(before);
      await eventually('the first line is written', async () => (await t.logText('early')).includes('early'));
      await using after = await t.attach(id);
      const rest = collectOutput(after);
      await before.stdin?.getWriter().write(Buffer.from('\n'));
      assert.deepEqual([(await all)[0], (await rest)[0]], ['early\nlate\n', 'late\n']);
    },
  },
  {
    name: 'output that nobody reads holds nothing up',
    async run(t) {
      const id = await t.start(`dd if=/dev/zero bs=1048576 count=${megabytes} 2>/dev/null; exit 4`);
      assert.equal((await t.driver.wait(id)).code, 4);
    },
  },
  {
    name: 'a log has every line, with its stream and time',
    async run(t) {
      const { id } = await t.run('echo one; echo two >&2; printf three', { io: { log: t.log('lines') } });
      const entries = (await t.logText('lines')).trim().split('\n').map((line) => JSON.parse(line) as Record<string, string>);
      assert.deepEqual(entries.map(({ log, stream }) => `${stream} ${log}`).sort(), ['stderr two\n', 'stdout one\n', 'stdout three']);
      const { exit, startedAt = '' } = await t.driver.state(id);
      for (const { time = '' } of entries) assert.ok(startedAt <= time && time <= (exit?.at ?? ''), `${time} is not while it ran`);
    },
  },
  {
    name: 'a log is complete once the exit is told',
    async run(t) {
      for (let n = 0; n < 5; n++) {
        const id = await t.start('seq 1 2000', { io: { log: t.log(`complete${n}`) } });
        await t.driver.wait(id);
        assert.equal((await t.logText(`complete${n}`)).trim().split('\n').length, 2000);
      }
    },
  },
  {
    name: 'setLog() changes the file between two lines',
    async run(t) {
      const id = await t.start('n=0; while [ $n -lt 300 ]; do n=$((n+1)); echo $n; sleep 0.002; done', { io: { log: t.log('a') } });
      await delay(100);
      await t.driver.setLog(id, t.log('b'));
      await t.driver.wait(id);
      const lines = (await t.logText('a')) + (await t.logText('b'));
      const numbers = lines.trim().split('\n').map((line) => Number((JSON.parse(line) as { log: string }).log));
      assert.deepEqual(numbers, Array.from({ length: 300 }, (_, n) => n + 1));
      assert.notEqual(await t.logText('b'), '');
    },
  },
  {
    name: 'a log is rotated at the size that was asked for, and keeps so many files',
    async run(t) {
      const log = { ...t.log('rotated'), maxBytes: 10_000, maxFiles: 3 };
      await t.run('seq 1 2000', { io: { log } });
      const files = await Promise.all(['', '.1', '.2', '.3'].map((suffix) => t.logText('rotated', suffix)));
      assert.equal(files[3], '', 'there is a fourth file');
      assert.ok(files.slice(0, 3).every((text) => text.length > 0 && text.length < 11_000), 'a file is too large, or missing');
      const numbers = files.reverse().join('').trim().split('\n').map((line) => Number((JSON.parse(line) as { log: string }).log));
      assert.deepEqual(numbers, Array.from({ length: numbers.length }, (_, n) => 2001 - numbers.length + n));
    },
  },
];

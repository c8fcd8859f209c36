import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Attachment, AttachRequest } from '../src/index.ts';
import { deleteStopped, exitOf, failure, nextText, pipes, plan, processPlan, readAll, runScript } from './support/plan.ts';
import { makeWorld, reasonToSkip, type World } from './support/world.ts';

const everything: AttachRequest = { stdin: true, stdout: true, stderr: true, lossless: true, bufferBytes: 65536 };

describe.skipIf(reasonToSkip !== '')(`a container with a terminal ${reasonToSkip}`, () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('has a terminal of its own devpts, with the size that was asked for, and as its console', async () => {
    const keeper = await world.keeper();
    const script = 'tty; stty size; readlink /proc/self/fd/0; stat -c %t:%T /dev/console; test -t 2 && echo is one; cat /proc/self/stat | { read a b c d e f tty rest; test "$tty" != 0 && echo controlling; }';
    await keeper.create({ token: 't', io: { terminal: true, rows: 33, cols: 77, stdin: true }, plan: plan(world.root, processPlan(['sh', '-c', script]), { console: true }) });
    await using attachment = await keeper.attach(everything);
    await keeper.start();
    const { stdout, stderr } = await readAll(attachment);
    expect(stdout.split('\r\n')).toEqual(['/dev/pts/0', '33 77', '/dev/pts/0', '88:0', 'is one', 'controlling', '']);
    expect(stderr).toBe('');
    expect(await exitOf(keeper)).toMatchObject({ code: 0 });
    await deleteStopped(keeper);
  });

  it('is resized, and tells its program', async () => {
    const keeper = await world.keeper();
    const script = "trap 'stty size; done=1' WINCH; echo ready; while [ -z \"$done\" ]; do sleep 0.05; done; while read line; do echo got $line; done; echo end";
    await keeper.create({ token: 't', io: { terminal: true, rows: 10, cols: 20, stdin: true }, plan: plan(world.root, processPlan(['sh', '-c', script])) });
    await using attachment = await keeper.attach(everything);
    await keeper.start();
    const read = reader(attachment);
    await read('ready');
    await keeper.resize({ rows: 40, cols: 100 });
    await read('40 100');
    await attachment.stdin?.write(Buffer.from('line\n'));
    await read('got line');
    // End of file on a terminal is a character.
    await attachment.stdin?.write(Buffer.from('\x04'));
    await read('end');
    expect(await exitOf(keeper)).toMatchObject({ code: 0 });
    await deleteStopped(keeper);
  });

  it('sends an interrupt to its program', async () => {
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: { terminal: true, stdin: true }, plan: plan(world.root, processPlan(['sh', '-c', "trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.05; done"])) });
    await using attachment = await keeper.attach(everything);
    await keeper.start();
    const read = reader(attachment);
    await read('ready');
    await attachment.stdin?.write(Buffer.from('\x03'));
    await read('interrupted');
    expect(await exitOf(keeper)).toMatchObject({ code: 3 });
    await deleteStopped(keeper);
  });

  it('hangs up its programs when the first has ended', async () => {
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: { terminal: true, stdin: true }, plan: plan(world.root, processPlan(['sh', '-c', 'sleep 1000 & echo started'])) });
    await using attachment = await keeper.attach(everything);
    await keeper.start();
    expect((await readAll(attachment)).stdout).toBe('started\r\n');
    expect(await exitOf(keeper)).toMatchObject({ code: 0 });
    await deleteStopped(keeper);
  });

  it('loses no output of a terminal that is read slowly', async () => {
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: { terminal: true, stdin: true }, plan: plan(world.root, processPlan(['sh', '-c', 'seq 1 60000'])) });
    await using attachment = await keeper.attach(everything);
    await keeper.start();
    let text = '';
    let chunks = 0;
    for await (const { data } of attachment.output) {
      text += Buffer.from(data).toString();
      chunks += 1;
      if (chunks % 64 === 0) await sleep(1);
    }
    expect(text).toBe(Array.from({ length: 60000 }, (_, i) => `${i + 1}\r\n`).join(''));
    await deleteStopped(keeper);
  });

  it('has no size to change without one', async () => {
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['true'])) });
    expect(await failure(keeper.resize({ rows: 1, cols: 1 }))).toMatchObject({ kind: 'conflict' });
    await keeper.delete({ force: true });
  });

  it('needs a devpts, and is fooled by nothing else under that name', async () => {
    const keeper = await world.keeper();
    const mounts = plan(world.root, processPlan(['true'])).mounts.filter((mount) => mount.target !== '/dev/pts');
    const fake = [...mounts, { kind: 'fs', fstype: 'tmpfs', source: 'tmpfs', target: '/dev/pts', flags: 0, data: '' } as const];
    const devices = [{ path: '/dev/pts/ptmx', type: 'c', major: 5, minor: 2, mode: 0o666, uid: 0, gid: 0 } as const];
    const error = await failure(keeper.create({ token: 't', io: { terminal: true, stdin: true }, plan: plan(world.root, processPlan(['true']), { mounts: fake, devices }) }));
    expect(error).toMatchObject({ details: { step: 'open /dev/pts/ptmx' } });
    await deleteStopped(keeper);
  });

  it('gives a user its terminal', async () => {
    const keeper = await world.keeper();
    await keeper.create({
      token: 't',
      io: { terminal: true, stdin: true },
      plan: plan(world.root, processPlan(['sh', '-c', 'echo text > $(tty); stat -c %u:%g $(tty)'], { uid: 1000, gid: 1000, groups: [1000] })),
    });
    await using attachment = await keeper.attach(everything);
    await keeper.start();
    expect((await readAll(attachment)).stdout).toBe('text\r\n1000:5\r\n');
    await deleteStopped(keeper);
  });

  it('is not there for those who did not ask', async () => {
    const keeper = await world.keeper();
    const { stdout } = await runScript(keeper, world.root, 'test -t 0 || test -t 1 || test -t 2 || echo none; ls /dev/console 2>&1 | head -1');
    expect(stdout).toContain('none\n');
    expect(stdout).toContain('No such file');
    await deleteStopped(keeper);
  });
});

/** Reads until a text has come. */
function reader(attachment: Attachment): (text: string) => Promise<void> {
  const iterator = attachment.output[Symbol.asyncIterator]();
  let seen = '';
  return async (text) => {
    while (!seen.includes(text)) {
      seen += await nextText(iterator);
    }
    seen = seen.slice(seen.indexOf(text) + text.length);
  };
}

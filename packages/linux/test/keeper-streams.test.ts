import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttachRequest, Attachment, Keeper } from '../src/index.ts';
import { deleteStopped, exitOf, failure, nextText, plan, processPlan, readAll } from './support/plan.ts';
import { makeWorld, reasonToSkip, type World } from './support/world.ts';

const outputs: AttachRequest = { stdin: false, stdout: true, stderr: true, lossless: true, bufferBytes: 65536 };

describe.skipIf(reasonToSkip !== '')(`the streams of a container ${reasonToSkip}`, () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  async function created(script: string, stdin: boolean, stdinOnce = false): Promise<Keeper> {
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: { terminal: false, stdin, stdinOnce }, plan: plan(world.root, processPlan(['/bin/sh', '-c', script])) });
    return keeper;
  }

  it('passes input on and tells its end', async () => {
    const keeper = await created('cat; echo end', true);
    await using attachment = await keeper.attach({ ...outputs, stdin: true });
    await keeper.start();
    await attachment.stdin?.write(Buffer.from('hello '));
    await attachment.stdin?.write(Buffer.from('world\n'));
    await attachment.stdin?.end();
    expect(await readAll(attachment)).toEqual({ stdout: 'hello world\nend\n', stderr: '' });
    await deleteStopped(keeper);
  });

  it('gives a program without input an end of file', async () => {
    const keeper = await created('cat; readlink /proc/self/fd/0', false);
    await using attachment = await keeper.attach(outputs);
    await keeper.start();
    expect((await readAll(attachment)).stdout).toBe('/null\n');
    await deleteStopped(keeper);
  });

  it('lets the null device of a container change nothing outside', async () => {
    const keeper = await created('chmod 000 /proc/self/fd/0; stat -c %a /proc/self/fd/0', false);
    await using attachment = await keeper.attach(outputs);
    await keeper.start();
    const { stderr } = await readAll(attachment);
    expect(stderr).toContain('Read-only file system');
    await deleteStopped(keeper);
  });

  it('loses nothing of 10 MB that are read slowly', async () => {
    const keeper = await created('yes 0123456789abcde | head -c 10485760', false);
    await using attachment = await keeper.attach(outputs);
    await keeper.start();
    const hash = createHash('md5');
    let length = 0;
    let chunks = 0;
    for await (const { data } of attachment.output) {
      hash.update(data);
      length += data.byteLength;
      chunks += 1;
      if (chunks % 16 === 0) await sleep(2);
    }
    expect(length).toBe(10485760);
    expect(hash.digest('hex')).toBe(createHash('md5').update('0123456789abcde\n'.repeat(655360)).digest('hex'));
    expect(await exitOf(keeper)).toMatchObject({ code: 0 });
    await deleteStopped(keeper);
  });

  it('stalls the program when a lossless client does not read, and holds little for it', async () => {
    const keeper = await created('yes > /proc/self/fd/1 & sleep 0.5; echo alive >&2; sleep 1000', false);
    await using silent = await keeper.attach({ ...outputs, stderr: false });
    await using other = await keeper.attach({ ...outputs, stdout: false });
    await keeper.start();
    for await (const chunk of other.output) if (String(Buffer.from(chunk.data)).includes('alive')) break;
    const { readFileSync } = await import('node:fs');
    const rss = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${keeper.pid}/status`, 'utf8'))?.[1]);
    expect(rss).toBeLessThan(6000);
    expect(silent).toBeDefined();
    // It is the program that waits, not the keeper.
    expect((await keeper.state()).status).toBe('running');
    await keeper.delete({ force: true });
  });

  it('cuts a client off that is not lossless and too slow, and no other', async () => {
    const keeper = await created('head -c 4194304 /dev/zero; echo done >&2', false);
    await using slow = await keeper.attach({ ...outputs, lossless: false });
    await using fast = await keeper.attach(outputs);
    await keeper.start();
    const { stdout, stderr } = await readAll(fast);
    expect(stdout.length).toBe(4194304);
    expect(stderr).toBe('done\n');
    expect(await failure(readAll(slow))).toMatchObject({ kind: 'exhausted', code: 'attach-cut' });
    expect(await exitOf(keeper)).toMatchObject({ code: 0 });
    await deleteStopped(keeper);
  });

  it('does not let a client that never reads delay the end', async () => {
    const keeper = await created('head -c 100000 /dev/zero', false);
    await using silent = await keeper.attach(outputs);
    await keeper.start();
    // 100,000 bytes fit what the client may be behind and the pipe together: the program can end, and its end is told.
    expect(await exitOf(keeper)).toMatchObject({ code: 0 });
    expect((await readAll(silent)).stdout.length).toBe(100000);
    await deleteStopped(keeper);
  });

  it.skipIf(spawnSync('python3', ['-V']).status !== 0)('reads all that a large pipe still holds when its program has ended, however slow the client', async () => {
    // F_SETPIPE_SZ is out of a shell's reach; the keeper's end of the pipe is as good.
    const keeper = await created('sleep 0.3; head -c 1000000 /dev/zero; echo ended >&2', false);
    const grow = 'import fcntl,os,sys\nfor f in os.listdir(f"/proc/{sys.argv[1]}/fd"):\n p=f"/proc/{sys.argv[1]}/fd/{f}"\n if os.readlink(p).startswith("pipe:"):\n  fd=os.open(p,os.O_RDONLY|os.O_NONBLOCK); fcntl.fcntl(fd,1031,1048576)';
    execFileSync('python3', ['-c', grow, String(keeper.pid)]);
    await using silent = await keeper.attach(outputs);
    await keeper.start();
    expect(await exitOf(keeper)).toMatchObject({ code: 0 });
    expect((await readAll(silent)).stdout.length).toBe(1000000);
    await deleteStopped(keeper);
  });

  it('gives each client what it asked for', async () => {
    const keeper = await created('echo out; echo err >&2', false);
    await using out = await keeper.attach({ ...outputs, stderr: false });
    await using err = await keeper.attach({ ...outputs, stdout: false });
    await using both = await keeper.attach(outputs);
    await keeper.start();
    expect(await Promise.all([out, err, both].map(readAll))).toEqual([
      { stdout: 'out\n', stderr: '' },
      { stdout: '', stderr: 'err\n' },
      { stdout: 'out\n', stderr: 'err\n' },
    ]);
    expect(await failure(keeper.attach(outputs))).toMatchObject({ kind: 'conflict', code: 'not-running' });
    await deleteStopped(keeper);
  });

  it('takes 10 MB of input with back-pressure', async () => {
    const keeper = await created('sleep 0.3; wc -c', true);
    await using attachment = await keeper.attach({ ...outputs, stdin: true });
    await keeper.start();
    const piece = Buffer.alloc(256 * 1024, 'x');
    for (let i = 0; i < 40; i++) await attachment.stdin?.write(piece);
    await attachment.stdin?.end();
    expect((await readAll(attachment)).stdout.trim()).toBe('10485760');
    await deleteStopped(keeper);
  });

  it('takes input that was sent before its client left', async () => {
    const keeper = await created('sleep 0.3; wc -c', true, true);
    const sender = await keeper.attach({ ...outputs, stdin: true, stdout: false, stderr: false });
    await using reader = await keeper.attach(outputs);
    await keeper.start();
    await sender.stdin?.write(Buffer.alloc(400_000, 'x'));
    await sender[Symbol.asyncDispose]();
    expect((await readAll(reader)).stdout.trim()).toBe('400000');
    await deleteStopped(keeper);
  });

  it('leaves input open when a client leaves, unless it was to be the only one', async () => {
    const keeper = await created('cat', true);
    const first = await keeper.attach({ ...outputs, stdin: true });
    await keeper.start();
    await first.stdin?.write(Buffer.from('one '));
    await first[Symbol.asyncDispose]();
    await using second = await keeper.attach({ ...outputs, stdin: true });
    await second.stdin?.write(Buffer.from('two'));
    await second.stdin?.end();
    expect((await readAll(second)).stdout).toContain('two');
    await deleteStopped(keeper);

    const once = await created('cat; echo end', true, true);
    await using reader = await once.attach(outputs);
    const writer = await once.attach({ ...outputs, stdin: true });
    await once.start();
    await writer.stdin?.write(Buffer.from('text '));
    await writer[Symbol.asyncDispose]();
    expect((await readAll(reader)).stdout).toBe('text end\n');
    await deleteStopped(once);
  });

  it('tells a writer that the program has closed its input', async () => {
    const keeper = await created('exec 0<&-; echo closed; sleep 1000', true);
    await using attachment = await keeper.attach({ ...outputs, stdin: true });
    await keeper.start();
    const iterator = attachment.output[Symbol.asyncIterator]();
    expect(await nextText(iterator)).toBe('closed\n');
    const reading = iterator.next();
    expect(await failure(writeUntilRefused(attachment))).toMatchObject({ kind: 'conflict', code: 'stdin-closed' });
    await keeper.delete({ force: true });
    await reading;
  });

  it('survives clients that come and go in the middle of things', async () => {
    const keeper = await created('i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done', true);
    await using reader = await keeper.attach(outputs);
    await keeper.start();
    const flicker = (async () => {
      for (let i = 0; i < 30; i++) {
        try {
          const attachment = await keeper.attach({ ...outputs, stdin: true });
          await attachment.output[Symbol.asyncIterator]().next();
          await attachment[Symbol.asyncDispose]();
        } catch {
          return; // The program has ended meanwhile.
        }
      }
    })();
    const { stdout } = await readAll(reader);
    await flicker;
    expect(stdout.split('\n').length).toBe(3001);
    expect(await exitOf(keeper)).toMatchObject({ code: 0 });
    await deleteStopped(keeper);
  });

  it('ends a client whose frames make no sense', async () => {
    const keeper = await created('cat', true);
    const { dialWith } = await import('../src/rpc.ts');
    const { frames } = await dialWith(`${keeper.dir}/s`, world.instance, { op: 'attach', ...outputs });
    await frames.send(1, Buffer.from('input that was not asked for'));
    expect(await frames.receive()).toBeUndefined();
    expect((await keeper.state()).status).toBe('created');
    await keeper.delete({ force: true });
  });
});

async function writeUntilRefused(attachment: Attachment): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    await attachment.stdin?.write(Buffer.from('x'));
    await sleep(1);
  }
}

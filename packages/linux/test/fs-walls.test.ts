import { existsSync, linkSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGantryError } from '@gantry/errors';
import { canary, collect, failureOf, makeFsWorld, needsRoot, type FsWorld } from './fs-support.ts';
import { processExists, until } from './support/world.ts';

const owner = { mode: 0o777, uid: 1, gid: 1 };

describe.skipIf(needsRoot !== '')('the walls around a tree', () => {
  let world: FsWorld;
  beforeAll(async () => {
    world = await makeFsWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('give the process a root, namespaces and capabilities of its own', async () => {
    const root = world.folder();
    await using session = await world.open(root);
    const proc = `/proc/${session.pid}`;
    const status = readFileSync(`${proc}/status`, 'utf8');
    const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '';
    // CHOWN 0, DAC_OVERRIDE 1, DAC_READ_SEARCH 2, FOWNER 3, FSETID 4, SYS_ADMIN 21, MKNOD 27, SETFCAP 31
    const kept = (1n << 0n) | (1n << 1n) | (1n << 2n) | (1n << 3n) | (1n << 4n) | (1n << 21n) | (1n << 27n) | (1n << 31n);
    expect(['CapEff', 'CapPrm', 'CapBnd'].map((name) => BigInt(`0x${field(name)}`))).toEqual([kept, kept, kept]);
    expect(['CapInh', 'CapAmb'].map((name) => BigInt(`0x${field(name)}`))).toEqual([0n, 0n]);
    expect([field('NoNewPrivs'), field('Threads')]).toEqual(['1', '1']);
    for (const ns of ['mnt', 'net', 'ipc', 'uts']) expect(readlinkSync(`${proc}/ns/${ns}`)).not.toBe(readlinkSync(`/proc/self/ns/${ns}`));
    const mounts = readFileSync(`${proc}/mountinfo`, 'utf8').trim().split('\n');
    expect(mounts.length).toBe(1);
    expect(mounts[0]!.split(' ')[5]).toMatch(/nosuid,nodev,noexec/);
    const links = readFileSync(`${proc}/net/dev`, 'utf8').trim().split('\n').slice(2).map((line) => line.trim().split(':')[0]);
    expect(links).toEqual(['lo']);
    expect(readFileSync(`${proc}/limits`, 'utf8')).toMatch(/Max core file size\s+0\s+0/);
  });

  it('hold against every path that leads out', async () => {
    const root = world.folder();
    const outside = canary(world.dir);
    symlinkSync(outside.dir, join(root, 'absolute'));
    symlinkSync(`../${outside.dir.split('/').at(-1)!}`, join(root, 'relative'));
    symlinkSync(outside.file, join(root, 'file'));
    symlinkSync('/proc/self/root', join(root, 'magic'));
    await using session = await world.open(root);
    for (const link of ['absolute', 'relative', 'magic']) {
      const calls = [
        session.stat(`${link}/file`),
        session.list(link),
        session.readFile(`${link}/file`, { max: 10 }),
        session.writeFile(`${link}/file`, Buffer.from('x'), owner),
        session.mkdir(`${link}/new`, owner),
        session.remove(`${link}/file`),
        session.rename(`${link}/file`, 'mine'),
        session.symlink(`${link}/new`, 'x', { uid: 0, gid: 0 }),
        session.setxattr(`${link}/file`, 'user.x', Buffer.from('x')),
        session.usage(`${link}/file`),
        session.copyTree(link, 'copy'),
        session.copyTree('', `${link}/copy`),
        collect(session.walk(`${link}/file`)),
      ];
      for (const call of calls.map(failureOf)) expect(await call).toMatchObject({ kind: 'invalid' });
      const followed = [session.stat(`${link}/file`, { follow: true }), session.readFile(`${link}/file`, { max: 10, follow: true })];
      for (const call of followed.map(failureOf)) expect(await call).toMatchObject({ kind: expect.stringMatching(/notFound|invalid/) as string });
      const batch = session.batch();
      batch.file(`${link}/new`, owner, Buffer.from('x'));
      expect(isGantryError(await failureOf(batch.close()))).toBe(true);
      const follow = session.batch();
      follow.file(`${link}/new`, owner, Buffer.from('x'), { followParents: true });
      expect(isGantryError(await failureOf(follow.close()))).toBe(true);
    }
    const batch = session.batch();
    batch.chmod('file', 0o777);
    expect(await failureOf(batch.close())).toMatchObject({ kind: 'invalid' });
    const itself = session.batch();
    itself.chown('absolute', 3, 3);
    itself.utimes('file', 1n);
    itself.setxattr('file', 'trusted.x', Buffer.from('x'));
    itself.file('file', owner, Buffer.from('replaced'));
    itself.mkdir('absolute', owner);
    await itself.close();
    expect([lstatSync(join(root, 'file')).isFile(), lstatSync(join(root, 'absolute')).isDirectory(), readdirSync(outside.dir)]).toEqual([true, true, ['file']]);
    expect(outside.unharmed()).toBe(true);
  });

  it('let no link be made to what is outside', async () => {
    const root = world.folder();
    const outside = canary(world.dir);
    symlinkSync(outside.file, join(root, 'link'));
    symlinkSync(outside.dir, join(root, 'dir'));
    await using session = await world.open(root);
    for (const target of ['dir/file', outside.file]) {
      const batch = session.batch();
      batch.hardlink('new', target);
      expect(isGantryError(await failureOf(batch.close()))).toBe(true);
    }
    const batch = session.batch();
    batch.hardlink('new', 'link');
    await batch.close();
    expect([lstatSync(join(root, 'new')).isSymbolicLink(), outside.unharmed()]).toEqual([true, true]);
  });

  it('hold while a directory and a link take turns', { timeout: 60_000 }, async () => {
    const root = world.folder();
    const outside = canary(world.dir);
    mkdirSync(join(root, 'd'));
    symlinkSync(outside.dir, join(root, 'other'));
    await using session = await world.open(root);
    // A thread swaps them as fast as it can.
    const swapper = new Worker(
      `const { renameSync } = require('node:fs'); const { workerData: root, parentPort } = require('node:worker_threads');
       let go = true, swaps = 0; parentPort.on('message', () => { go = false; });
       (async () => { while (go) { for (let i = 0; i < 200; i += 1) { renameSync(root + '/d', root + '/t'); renameSync(root + '/other', root + '/d'); renameSync(root + '/t', root + '/other'); swaps += 1; } await new Promise(setImmediate); } parentPort.postMessage(swaps); process.exit(0); })();`,
      { eval: true, workerData: root },
    );
    const outcomes = new Set<string>();
    const deadline = Date.now() + 8000;
    for (let round = 0; round < 2000 && Date.now() < deadline; round += 1) {
      const batch = session.batch();
      batch.file(`d/f${round}`, owner, Buffer.from('x'));
      batch.chmod('d/file', 0o777);
      batch.setxattr('d/file', 'user.x', Buffer.from('x'));
      const results = await Promise.allSettled([batch.close(), session.writeFile('d/file2', Buffer.from('x'), owner), session.mkdir(`d/m${round}`, owner), session.remove('d/file'), session.readFile('d/file', { max: 10 }), session.rename('d/file', 'stolen')]);
      for (const r of results) outcomes.add(r.status === 'fulfilled' ? 'ok' : isGantryError(r.reason) ? r.reason.kind : 'strange');
    }
    const swaps = new Promise((resolve) => swapper.once('message', resolve));
    swapper.postMessage('stop');
    expect(await swaps).toBeGreaterThan(1000);
    // A race that never was lost or won proves nothing.
    expect(outcomes).toContain('ok');
    expect(outcomes.has('invalid') || outcomes.has('notFound')).toBe(true);
    expect([...outcomes].filter((o) => !['ok', 'notFound', 'invalid', 'conflict'].includes(o))).toEqual([]);
    expect([readdirSync(outside.dir), outside.unharmed(), existsSync(join(root, 'stolen'))]).toEqual([['file'], true, false]);
  });

  it('hold while what is removed is swapped', { timeout: 60_000 }, async () => {
    const outside = canary(world.dir);
    for (let round = 0; round < 20; round += 1) {
      const root = world.folder();
      mkdirSync(join(root, 'victim/a/b/c'), { recursive: true });
      symlinkSync(outside.dir, join(root, 'link'));
      for (let i = 0; i < 50; i += 1) writeFileSync(join(root, `victim/a/f${i}`), '');
      await using session = await world.open(root);
      // It may be too slow for a directory that comes and goes; it may not do harm.
      const removal = session.remove('victim').then(() => undefined, (error: unknown) => error);
      for (let i = 0; i < 20; i += 1) {
        try {
          renameSync(join(root, 'victim/a'), join(root, 'hidden'));
          renameSync(join(root, 'link'), join(root, 'victim/a'));
          renameSync(join(root, 'victim/a'), join(root, 'link'));
          renameSync(join(root, 'hidden'), join(root, 'victim/a'));
        } catch {
          // It is gone by now.
        }
        await sleep(0);
      }
      const failure = await removal;
      expect([failure === undefined || isGantryError(failure), outside.unharmed()]).toEqual([true, true]);
    }
  });

  it('end with the connection, and with the signal in the middle of work', async () => {
    const root = world.folder();
    const session = await world.open(root);
    const { pid } = session;
    expect(processExists(pid)).toBe(true);
    await session[Symbol.asyncDispose]();
    await until(() => !processExists(pid), 'the process has ended');
    expect(await failureOf(session.stat(''))).toMatchObject({ kind: 'unavailable', code: 'fs-gone' });

    const abort = new AbortController();
    const second = await world.open(root, { signal: abort.signal });
    const batch = second.batch();
    for (let i = 0; i < 20_000; i += 1) batch.file(`f${i}`, owner, Buffer.from('x'));
    const waiting = [batch.close(), second.usage(''), collect(second.walk(''))].map(failureOf);
    await sleep(5);
    abort.abort();
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ kind: 'aborted' });
    // At rest already: nothing is made any more.
    const count = readdirSync(root).length;
    await until(() => !processExists(second.pid), 'the process has ended');
    await sleep(50);
    expect(readdirSync(root).length).toBe(count);
    expect(await failureOf(second.stat(''))).toMatchObject({ kind: 'aborted' });
    await second[Symbol.asyncDispose]();
  });

  it('stop what was not waited for when the session is disposed', async () => {
    const root = world.folder();
    const session = await world.open(root);
    const batch = session.batch();
    for (let i = 0; i < 20_000; i += 1) batch.file(`f${i}`, owner, Buffer.from('x'));
    const left = failureOf(batch.barrier());
    await session[Symbol.asyncDispose]();
    expect(await left).toMatchObject({ kind: 'aborted' });
    const count = readdirSync(root).length;
    expect(count).toBeLessThan(20_000);
    await sleep(50);
    expect(readdirSync(root).length).toBe(count);
  });

  it('keep hard links in the tree whole when one name is replaced', async () => {
    const root = world.folder();
    writeFileSync(join(root, 'a'), 'shared');
    linkSync(join(root, 'a'), join(root, 'b'));
    await using session = await world.open(root);
    const batch = session.batch();
    batch.file('a', owner, Buffer.from('new'));
    batch.hardlink('c', 'b');
    batch.hardlink('c', 'b');
    batch.hardlink('b', 'b');
    await batch.close();
    expect([readFileSync(join(root, 'b'), 'utf8'), lstatSync(join(root, 'b')).nlink, lstatSync(join(root, 'c')).ino]).toEqual(['shared', 2, lstatSync(join(root, 'b')).ino]);
  });
});

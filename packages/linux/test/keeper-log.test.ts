import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Keeper, LogSinkWire } from '../src/index.ts';
import { deleteStopped, exitOf, failure, pipes, plan, processPlan } from './support/plan.ts';
import { makeWorld, reasonToSkip, until, type World } from './support/world.ts';

interface Entry {
  readonly log: string;
  readonly stream: string;
  readonly time: string;
  readonly attrs?: Record<string, string>;
}

describe.skipIf(reasonToSkip !== '')(`the log of a container ${reasonToSkip}`, () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  function sink(keeper: Keeper, more: Partial<LogSinkWire> = {}): LogSinkWire {
    return { format: 'json-file', path: join(keeper.dir, 'json.log'), maxBytes: 0, maxFiles: 1, attrs: {}, full: 'drop', bufferBytes: 65536, ...more };
  }

  async function logged(script: string, more: Partial<LogSinkWire> = {}): Promise<Keeper> {
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: pipes, log: sink(keeper, more), plan: plan(world.root, processPlan(['/bin/sh', '-c', script])) });
    await keeper.start();
    await exitOf(keeper);
    return keeper;
  }

  function entries(path: string): Entry[] {
    const text = readFileSync(path, 'utf8');
    expect(text === '' || text.endsWith('\n')).toBe(true);
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Entry);
  }

  it('has a line of JSON for each line of output, complete when the end is told', async () => {
    const keeper = await logged("echo one; printf 'tw'; echo err >&2; sleep 0.2; echo o; printf 'q\\042\\\\ \\t\\001\\377 \\342\\202\\254\\n'; printf open", { attrs: { tag: 'x"y' } });
    const all = entries(join(keeper.dir, 'json.log'));
    const text = (stream: string): string[] => all.filter((entry) => entry.stream === stream).map((entry) => entry.log);
    expect(text('stdout')).toEqual(['one\n', 'two\n', 'q"\\ \t\u0001\ufffd \u20ac\n', 'open']);
    expect(text('stderr')).toEqual(['err\n']);
    expect(all.every((entry) => entry.attrs?.['tag'] === 'x"y' && /^\d{4}-.*\.\d{9}Z$/.test(entry.time))).toBe(true);
    expect(Object.keys(all[0] ?? {})).toEqual(['log', 'stream', 'attrs', 'time']);
    expect(all.map((entry) => entry.time)).toEqual(all.map((entry) => entry.time).sort());
    expect(statSync(join(keeper.dir, 'json.log')).mode & 0o777).toBe(0o640);
    await deleteStopped(keeper);
  });

  it('splits long lines at 16 KiB', async () => {
    const keeper = await logged("head -c 40000 /dev/zero | tr '\\0' x; echo; echo next");
    const all = entries(join(keeper.dir, 'json.log')).map((entry) => entry.log);
    expect(all.map((text) => text.length)).toEqual([16384, 16384, 40001 - 2 * 16384, 5]);
    expect(all.slice(0, 2).every((text) => !text.includes('\n'))).toBe(true);
    await deleteStopped(keeper);
  });

  it('rotates between entries, and keeps as many files as asked', async () => {
    const keeper = await logged('i=0; while [ $i -lt 500 ]; do echo entry number $i; i=$((i+1)); done', { maxBytes: 4096, maxFiles: 3 });
    const files = readdirSync(keeper.dir).filter((name) => name.startsWith('json.log')).sort();
    expect(files).toEqual(['json.log', 'json.log.1', 'json.log.2']);
    expect(files.every((name) => statSync(join(keeper.dir, name)).size <= 4096)).toBe(true);
    const all = ['json.log.2', 'json.log.1', 'json.log'].flatMap((name) => entries(join(keeper.dir, name))).map((entry) => entry.log);
    expect(all).toEqual(Array.from({ length: all.length }, (_, i) => `entry number ${500 - all.length + i}\n`));
    await deleteStopped(keeper);
  });

  it('begins a single file anew when it is full', async () => {
    const keeper = await logged('i=0; while [ $i -lt 100 ]; do echo entry number $i; i=$((i+1)); done', { maxBytes: 1000, maxFiles: 1 });
    const all = entries(join(keeper.dir, 'json.log'));
    expect(readdirSync(keeper.dir).filter((name) => name.startsWith('json.log'))).toEqual(['json.log']);
    expect(all.at(-1)?.log).toBe('entry number 99\n');
    expect(statSync(join(keeper.dir, 'json.log')).size).toBeLessThanOrEqual(1000);
    await deleteStopped(keeper);
  });

  it('drops and counts what a full disk does not take, and lets the program go on', async () => {
    const keeper = await logged('seq 1 100', { path: '/dev/full' });
    expect(await keeper.state()).toMatchObject({ status: 'stopped', exit: { code: 0 }, logDropped: 100 });
    await deleteStopped(keeper);
  });

  it('goes on elsewhere while the program runs, without losing or doubling an entry', async () => {
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: pipes, log: sink(keeper), plan: plan(world.root, processPlan(['/bin/sh', '-c', 'i=0; while [ $i -lt 4000 ]; do echo $i; i=$((i+1)); done'])) });
    await keeper.start();
    await until(() => statSync(join(keeper.dir, 'json.log')).size > 0, 'something is logged');
    await keeper.setLog(sink(keeper, { path: join(keeper.dir, 'second.log') }));
    await exitOf(keeper);
    const all = ['json.log', 'second.log'].flatMap((name) => entries(join(keeper.dir, name))).map((entry) => entry.log);
    expect(all).toEqual(Array.from({ length: 4000 }, (_, i) => `${i}\n`));
    expect(await failure(keeper.setLog(sink(keeper, { path: '/no/such/folder/log' })))).toMatchObject({ kind: 'notFound' });
    expect(await failure(keeper.setLog(sink(keeper, { format: 'frames' })))).toMatchObject({ kind: 'notImplemented' });
    await deleteStopped(keeper);
  });

  it('writes on through a disconnected client and without any', async () => {
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: pipes, log: sink(keeper), plan: plan(world.root, processPlan(['/bin/sh', '-c', 'i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done'])) });
    const attachment = await keeper.attach({ stdin: false, stdout: true, stderr: true, lossless: true, bufferBytes: 65536 });
    await keeper.start();
    await attachment.output[Symbol.asyncIterator]().next();
    await attachment[Symbol.asyncDispose]();
    await keeper[Symbol.asyncDispose]();
    await until(() => entriesSoFar(join(keeper.dir, 'json.log')) === 3000, 'all is logged');
    await using again = await world.native.connectKeeper(keeper.dir);
    await exitOf(again);
    await deleteStopped(again);
  });
});

function entriesSoFar(path: string): number {
  return readFileSync(path, 'utf8').split('\n').length - 1;
}

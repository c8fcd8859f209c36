import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ContainerSummary } from '../src/index.ts';
import { busybox, hasRegistry, hello, isRoot, RealBench } from './support/real-engine.ts';

/** Every place with `CI=true`, every third otherwise. */
const stride = process.env['CI'] === 'true' ? 1 : 3;

/** What a client of the killed engine was told, in order. */
async function livesUntil(bench: RealBench, when: 'before' | 'after', nth: number): Promise<string[]> {
  const script = fileURLToPath(new URL('support/killed-engine.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@gantry/source', '--disable-warning=ExperimentalWarning', script, bench.dataRoot, when, String(nth)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [told] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const { exitCode, signalCode } = child;
  if (exitCode !== 0 && signalCode !== 'SIGKILL') throw new Error(`the engine failed by itself: exit code ${exitCode}, after ${told}`);
  return told.split('\n').filter((line) => line !== '');
}

function brokenPromise(told: readonly string[], subject: ContainerSummary | undefined): string | undefined {
  const was = (what: string): boolean => told.some((line) => line.startsWith(what));
  if (was('removed')) return subject === undefined ? undefined : 'it was removed, and is there';
  if (was('created') && !was('ended') && subject === undefined) return 'it was made, and is gone';
  if (was('ended') && subject !== undefined && (subject.state.status !== 'exited' || subject.state.exitCode !== 0)) return `it ended with 0, and is ${subject.state.status} (${subject.state.exitCode})`;
  if (was('started') && subject !== undefined && !['running', 'exited'].includes(subject.state.status)) return `it was started, and is ${subject.state.status}`;
  return undefined;
}

describe.runIf(isRoot)('an engine that is killed on this machine', () => {
  it('leaves what the next one puts in order, wherever it was killed', { timeout: 1_500_000 }, async () => {
    await using bench = await RealBench.make();
    let calls = Infinity;
    for (let n = 0; n < calls; n += stride) {
      for (const when of ['before', 'after'] as const) {
        const told = await livesUntil(bench, when, n);
        const whole = told.find((line) => line.startsWith('calls '));
        if (whole !== undefined) calls = Number(whole.slice('calls '.length));
        const engine = await bench.open();
        const { containers } = engine;
        const [subject] = await containers.list({ all: true });
        const broken = brokenPromise(told, subject);
        if (subject?.state.status === 'running') await containers.wait(subject.id);
        if (subject !== undefined) await containers.remove(subject.id);
        expect({ told, broken, left: await bench.leftovers() }).toEqual({ told, broken: undefined, left: [] });
        await bench.close();
      }
    }
    expect(calls).toBeGreaterThan(15);
  });
});

describe.runIf(isRoot && (await hasRegistry()))('a container whose engine is killed', () => {
  it('goes on, loses no output and no exit code, and is taken over', async () => {
    await using bench = await RealBench.make();
    const first = await bench.open();
    await first.images.pull(busybox);
    const ids: string[] = [];
    for (const [name, seconds] of [['short', 0.4], ['long', 3]] as const) {
      const { id } = await first.containers.create({ image: busybox, name, cmd: ['sh', '-c', `for n in 1 2 3 4 5 6 7 8; do echo $n; sleep ${seconds / 8}; done; exit 9`] });
      await first.containers.start(id);
      ids.push(id);
    }
    const [short = '', long = ''] = ids;
    // Nothing of it is told to stop: only its connections end, as by SIGKILL.
    await bench.close();
    await new Promise((resolve) => setTimeout(resolve, 1000));

    const second = await bench.open();
    expect((await second.containers.inspect(short)).state).toMatchObject({ status: 'exited', exitCode: 9 });
    expect((await second.containers.inspect(long)).state).toMatchObject({ status: 'running', pid: expect.any(Number) as number });
    expect(await second.containers.wait(long)).toEqual({ exitCode: 9 });
    for (const id of ids) {
      let log = '';
      for await (const { line } of second.containers.logs(id, { stdout: true, stderr: true })) log += Buffer.from(line).toString();
      expect(log).toBe('1\n2\n3\n4\n5\n6\n7\n8\n');
      await second.containers.remove(id);
    }
    expect(await bench.leftovers()).toEqual([]);
  });

  it('with autoRemove is gone when the next one has opened', async () => {
    await using bench = await RealBench.make();
    const first = await bench.open();
    await first.images.pull(hello);
    await first.images.pull(busybox);
    const { id } = await first.containers.create({ image: busybox, cmd: ['sleep', '0.5'], autoRemove: true });
    await first.containers.start(id);
    await bench.close();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const second = await bench.open();
    expect(await second.containers.list({ all: true })).toEqual([]);
    expect(await bench.leftovers()).toEqual([]);
  });
});

/**
 * Microseconds of the steps of a container's life, medians; the first rounds are thrown away.
 *
 *     node --conditions=@gantry/source bench/lifecycle.ts [rounds]
 */
import { readFileSync, rmSync } from 'node:fs';
import { plan, pipes, processPlan } from '../test/support/plan.ts';
import { testGroups } from '../test/support/groups.ts';
import { makeWorld, reasonToSkip } from '../test/support/world.ts';

const rounds = Number(process.argv[2] ?? 100);
const warmUp = 10;
if (reasonToSkip !== '') throw new Error(reasonToSkip);

await using world = await makeWorld();
const times = new Map<string, number[]>();

async function timed<T>(name: string, step: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  const result = await step();
  times.set(name, [...(times.get(name) ?? []), (performance.now() - begun) * 1000]);
  return result;
}

let rss = '';
for (const [suffix, withGroups] of [
  ['', false],
  [' (cgroups)', true],
] as const) {
  for (let i = 0; i < rounds + warmUp; i++) {
    const groups = withGroups ? (await testGroups(world.instance, `b${i}`)).request : {};
    await timed('ping', () => world.native.ping());
    const keeper = await timed(`spawnKeeper${suffix}`, () => world.keeper(groups));
    await timed(`create${suffix}`, () => keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['/bin/true'])) }));
    await timed(`attach${suffix}`, async () => (await keeper.attach({ stdin: false, stdout: true, stderr: true, lossless: true, bufferBytes: 65536 }))[Symbol.asyncDispose]());
    const watching = keeper.watch()[Symbol.asyncIterator]();
    await timed(`start${suffix}`, () => keeper.start());
    await timed(`exit told after start${suffix}`, async () => {
      for (let next = await watching.next(); next.done !== true && next.value.event !== 'exit'; next = await watching.next());
    });
    rss = /^VmRSS:.*|^RssAnon:.*/m.exec(readFileSync(`/proc/${keeper.pid}/status`, 'utf8'))?.[0] ?? '';
    await timed(`delete${suffix}`, () => keeper.delete());
    await keeper[Symbol.asyncDispose]();
    rmSync(keeper.dir, { recursive: true });
  }
}

for (const [name, all] of times) {
  const sorted = all.slice(warmUp).sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(0).padStart(7);
  console.log(name.padEnd(36), 'median', at(0.5), ' best', at(0), ' p90', at(0.9));
}
console.log(rss, readFileSync(`/proc/${world.native.pid}/status`, 'utf8').match(/^VmRSS:.*|^RssAnon:.*/gm)?.join('  '));

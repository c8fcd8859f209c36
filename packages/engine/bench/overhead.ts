// What the engine itself costs in `docker run --rm`: its own work over drivers that do nothing.
//   node --conditions=@gantry/source bench/overhead.ts [rounds]
import { Bench } from '../test/support/engine.ts';

const rounds = Number(process.argv[2] ?? 300);
const steps = ['create', 'attach', 'start', 'exit to removed', 'whole'] as const;
const times = new Map<string, number[]>(steps.map((step) => [step, []]));

await using bench = await Bench.make();
const { containers } = await bench.ready();
for (let n = 0; n < rounds; n++) {
  const begin = performance.now();
  let last = begin;
  const lap = (step: (typeof steps)[number]): void => {
    const now = performance.now();
    times.get(step)?.push(now - last);
    last = now;
  };
  const { id } = await containers.create({ image: 'app:1', cmd: ['sleep'], autoRemove: true });
  lap('create');
  await using streams = await containers.attach(id, { stdin: false, stdout: true, stderr: true });
  const removed = containers.wait(id, { condition: 'removed' });
  lap('attach');
  await containers.start(id);
  lap('start');
  bench.world.exit(id, 0);
  await removed;
  await streams.output[Symbol.asyncIterator]().next();
  lap('exit to removed');
  times.get('whole')?.push(performance.now() - begin);
}
for (const [step, values] of times) {
  const sorted = values.sort((a, b) => a - b);
  const at = (share: number): string => ((sorted[Math.floor(sorted.length * share)] ?? 0) * 1000).toFixed(0).padStart(6);
  process.stdout.write(`${step.padEnd(16)} median ${at(0.5)} us   90% ${at(0.9)} us\n`);
}

// What `run --rm` takes over the real drivers, in-process: no HTTP, no CLI. Needs root, and the registry of tools/lab/peers.sh.
//   node --conditions=@gantry/source bench/run.ts [rounds]
import { busybox, RealBench } from '../test/support/real-engine.ts';

const rounds = Number(process.argv[2] ?? 30);
const steps = ['create', 'attach', 'start', 'output', 'removed', 'whole'] as const;
const times = new Map<string, number[]>(steps.map((step) => [step, []]));

await using bench = await RealBench.make();
const engine = await bench.open();
await engine.images.pull(busybox);
const { containers } = engine;
for (let n = 0; n < rounds; n++) {
  const begin = performance.now();
  let last = begin;
  const lap = (step: (typeof steps)[number]): void => {
    const now = performance.now();
    times.get(step)?.push(now - last);
    last = now;
  };
  const { id } = await containers.create({ image: busybox, cmd: ['true'], autoRemove: true });
  lap('create');
  await using streams = await containers.attach(id, { stdin: false, stdout: true, stderr: true });
  const removed = containers.wait(id, { condition: 'removed' });
  lap('attach');
  await containers.start(id);
  lap('start');
  await streams.output[Symbol.asyncIterator]().next();
  lap('output');
  await removed;
  lap('removed');
  times.get('whole')?.push(performance.now() - begin);
}
for (const [step, values] of times) {
  const sorted = values.sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1).padStart(7);
  process.stdout.write(`${step.padEnd(8)} fastest ${at(0)} ms   median ${at(0.5)} ms   90% ${at(0.9)} ms\n`);
}

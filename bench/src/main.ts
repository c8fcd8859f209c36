/** `pnpm bench [WORK...] [--runs N]`: see README.md. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createClient } from '@gantry/client';
import { existing, gantry, type Subject } from './engines.ts';
import { summarise, type Summary } from './stats.ts';
import { works, type Work } from './works.ts';

type Samples = Map<Subject, number[]>;

async function measure(work: Work, subjects: readonly Subject[], runs: number): Promise<Samples> {
  const samples: Samples = new Map(subjects.map((subject) => [subject, []]));
  for (const subject of subjects) await work.prepare?.(subject);
  for (let run = -1; run < runs; run++) {
    for (const subject of subjects) {
      if (work.name === 'pull') await forget(subject);
      const started = performance.now();
      await work.once(subject);
      // The first round warms up.
      if (run >= 0) samples.get(subject)?.push(performance.now() - started);
    }
  }
  for (const subject of subjects) await work.clean?.(subject);
  return samples;
}

async function forget(subject: Subject): Promise<void> {
  using client = createClient({ host: subject.host });
  await client.images.remove('127.0.0.1:5000/debian:12', { force: true }).catch(() => undefined);
}

function line(work: string, results: readonly (readonly [Subject, Summary])[]): string {
  const own = results.find(([subject]) => subject.name === 'gantry')?.[1].median ?? NaN;
  const cells = results.map(([subject, s]) => `${subject.name} ${s.median.toFixed(1)} ms (${s.p10.toFixed(1)}-${s.p90.toFixed(1)})${subject.name === 'gantry' ? '' : ` = ${(s.median / own).toFixed(1)}x`}`);
  return `${work.padEnd(13)} ${cells.join('   ')}\n`;
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { runs: { type: 'string' } } });
const chosen = positionals.length === 0 ? works : works.filter((work) => positionals.includes(work.name));
await using own = await gantry();
const peers = [await existing('docker-debian', process.env['DOCKER_HOST']), await existing('docker-current', process.env['MODERN_DOCKER_HOST'])];
const subjects = [own, ...peers.filter((peer) => peer !== undefined)];
const machine = { cpus: cpus().length, model: cpus()[0]?.model, memory: totalmem(), kernel: release(), load: loadavg() };
process.stdout.write(`${subjects.map((s) => `${s.name} ${s.version}`).join(', ')}; ${machine.cpus} cores, kernel ${machine.kernel}, load ${machine.load[0]?.toFixed(2)}\n`);
const report: Record<string, Record<string, Summary & { readonly samples: readonly number[] }>> = {};
for (const work of chosen) {
  const samples = await measure(work, subjects, values.runs === undefined ? work.runs : Number(values.runs));
  const results = [...samples].map(([subject, times]) => [subject, summarise(times)] as const);
  process.stdout.write(line(work.name, results));
  report[work.name] = Object.fromEntries(results.map(([subject, summary]) => [subject.name, { ...summary, samples: samples.get(subject) ?? [] }]));
}
const folder = join(import.meta.dirname, '../../.cache/bench');
mkdirSync(folder, { recursive: true });
const file = join(folder, `${new Date().toISOString().replaceAll(':', '-')}.json`);
writeFileSync(file, JSON.stringify({ machine, subjects: subjects.map(({ name, version }) => ({ name, version })), report }, null, 1));
process.stdout.write(`all samples: ${file}\n`);

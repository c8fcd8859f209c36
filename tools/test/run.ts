/**
 * `npm test`: builds, then runs every lane, and ends with the line `N passed, N failed`. `CI=true` adds the long lanes and
 * starts the services that they need. Arguments name single lanes.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import type { Counts, Skip } from './counts.ts';
import { lanes, type Lane } from './lanes.ts';

const root = join(import.meta.dirname, '../..');
const ci = process.env['CI'] === 'true';
const logs = join(root, '.cache/test');

interface Outcome {
  readonly lane: Lane;
  readonly ok: boolean;
  readonly seconds: number;
  readonly counts: Counts;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Runs a command with its output in a file; resolves with its exit code. */
function command(words: readonly string[], log: NodeJS.WritableStream, env: Readonly<Record<string, string>>): Promise<number> {
  const [program = '', ...args] = words;
  log.write(`$ ${words.join(' ')}\n`);
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.once('error', (error) => {
      log.write(`${error.message}\n`);
      resolve(127);
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
}

async function step(name: string, commands: readonly (readonly string[])[], env: Readonly<Record<string, string>> = {}): Promise<{ readonly ok: boolean; readonly seconds: number; readonly output: string }> {
  const started = performance.now();
  const file = join(logs, `${name}.log`);
  const log = createWriteStream(file);
  let ok = true;
  for (const words of commands) {
    ok = (await command(words, log, env)) === 0;
    if (!ok) break;
  }
  await new Promise<void>((resolve) => log.end(resolve));
  return { ok, seconds: (performance.now() - started) / 1000, output: readFileSync(file, 'utf8') };
}

async function runLane(lane: Lane): Promise<Outcome> {
  const { ok, seconds, output } = await step(lane.name, lane.commands, lane.env);
  const counts = lane.counts(output);
  const tests = counts.passed + counts.failed > 0 ? `, ${counts.passed} passed${counts.failed > 0 ? `, ${counts.failed} FAILED` : ''}${counts.skipped.length > 0 ? `, ${counts.skipped.length} skipped` : ''}` : '';
  say(`${ok ? 'ok  ' : 'FAIL'} ${lane.name.padEnd(12)} ${seconds.toFixed(0).padStart(4)} s${tests}`);
  if (!ok) {
    for (const failure of counts.failures) say(`     ${relative(root, failure)}`);
    say(output.trimEnd().split('\n').slice(-60).map((line) => `     ${line}`).join('\n'));
  }
  return { lane, ok, seconds, counts };
}

/** As many lanes side by side as there are cores, in their order. */
async function runAll(chosen: readonly Lane[]): Promise<Outcome[]> {
  const waiting = [...chosen];
  const done: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let lane = waiting.shift(); lane !== undefined; lane = waiting.shift()) done.push(await runLane(lane));
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
  return done;
}

interface KnownAbsent {
  readonly test: string;
  readonly reason: string;
}

/** On the machine that must be able to do everything, a skip that nobody has accounted for is a failure. */
function unexplained(skips: readonly Skip[]): string[] {
  const known = (JSON.parse(readFileSync(join(root, 'test/known-absent.json'), 'utf8')) as readonly KnownAbsent[]).map((entry) => entry.test);
  return skips.filter((skip) => !known.some((test) => skip.name.includes(test))).map((skip) => `${relative(root, skip.file)}: ${skip.name}`);
}

async function main(): Promise<number> {
  mkdirSync(logs, { recursive: true });
  const names = process.argv.slice(2);
  const chosen = lanes.filter((lane) => (names.length > 0 ? names.includes(lane.name) : ci || lane.long !== true));
  const before = [
    { name: 'build', commands: [['turbo', 'run', 'build', '--output-logs=errors-only']] },
    ...(ci ? [{ name: 'services', commands: [['bash', 'tools/lab/peers.sh', 'up']] }] : []),
  ];
  let [passed, failed] = [0, 0];
  for (const { name, commands } of before) {
    const { ok, seconds, output } = await step(name, commands);
    say(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(12)} ${seconds.toFixed(0).padStart(4)} s`);
    if (!ok) {
      say(output.trimEnd().split('\n').slice(-60).map((line) => `     ${line}`).join('\n'));
      say('0 passed, 1 failed');
      return 1;
    }
  }
  const outcomes = await runAll(chosen);
  for (const { ok, counts } of outcomes) {
    passed += counts.passed;
    failed += counts.failed;
    if (ok && counts.passed + counts.failed === 0) passed++;
    if (!ok && counts.failed === 0) failed++;
  }
  const missing = ci ? unexplained(outcomes.flatMap((outcome) => outcome.counts.skipped)) : [];
  for (const name of missing) say(`FAIL skipped, and not listed in test/known-absent.json: ${name}`);
  failed += missing.length;
  if (ci) await step('services-down', [['bash', 'tools/lab/peers.sh', 'down']]);
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();

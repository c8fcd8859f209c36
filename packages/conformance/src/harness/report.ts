import { performance } from 'node:perf_hooks';
import { inspect } from 'node:util';
import type { BoundCase } from './cases.ts';

/**
 * Runs cases one after another, and writes what came out for humans.
 *
 * @returns How many failed.
 */
export async function runAndReport(cases: readonly BoundCase[], write: (text: string) => void): Promise<number> {
  const begun = performance.now();
  const failed: string[] = [];
  let suite = '';
  for (const c of cases) {
    if (c.suite !== suite) write(`\n${c.suite}\n`);
    suite = c.suite;
    const [from, error] = [performance.now(), await outcome(c)];
    const ms = `${Math.round(performance.now() - from)} ms`;
    if (error === undefined) {
      write(`  ok      ${c.title} (${ms})\n`);
    } else {
      failed.push(c.title);
      write(`  FAILED  ${c.title} (${ms})\n${indented(error)}\n`);
    }
  }
  if (failed.length > 0) write(`\nFailed:\n${failed.map((title) => `  ${title}\n`).join('')}`);
  write(`\n${cases.length - failed.length} passed, ${failed.length} failed, in ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);
  return failed.length;
}

/** What it failed with; `undefined`: it passed. */
async function outcome({ run, timeout }: BoundCase): Promise<string | undefined> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(`it did not end within ${timeout} ms`), timeout);
  try {
    return await Promise.race([run().then(() => undefined), late.promise]);
  } catch (e) {
    return e instanceof Error ? (e.stack ?? e.message) : inspect(e);
  } finally {
    clearTimeout(timer);
  }
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '          ');
}

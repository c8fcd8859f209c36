import { writeSync } from 'node:fs';
import { argv } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { DriverContext } from '@gantry/driver-api';
import { importPlugin } from './harness/plugin.ts';
import { crashSteps, type CrashSubject } from './runtime/crash-steps.ts';

/** What the parent says: everything of a context that is data. */
export interface RuntimeCrashInput {
  readonly plugin: string;
  readonly options: unknown;
  readonly context: Omit<DriverContext, 'log' | 'signal'>;
  readonly subject: CrashSubject;
  /** The last step; then it waits to be killed. */
  readonly last: number;
}

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => log };
const { plugin: url, options, context, subject, last } = JSON.parse(argv[2] ?? '') as RuntimeCrashInput; // written by the kit itself

const plugin = await importPlugin(url, 'runtime');
await using driver = await plugin.open({ ...context, log, signal: new AbortController().signal }, options);
for (const [i, step] of crashSteps.slice(0, last + 1).entries()) {
  writeSync(1, `begin ${i}\n`);
  await step.run(driver, subject);
  writeSync(1, `end ${i}\n`);
}
await delay(600_000);

import { writeSync } from 'node:fs';
import { argv } from 'node:process';
import { importPlugin } from './harness/plugin.ts';
import { crashSteps, type CrashInput } from './storage/crash-steps.ts';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => log };
const { plugin: url, options, context, until } = JSON.parse(argv[2] ?? '') as CrashInput; // written by the kit itself

const plugin = await importPlugin(url, 'storage');
await using driver = await plugin.open({ ...context, log, signal: new AbortController().signal }, options);
for (const [i, step] of crashSteps.entries()) {
  writeSync(1, `begin ${i}\n`);
  await step.run(driver);
  writeSync(1, `end ${i}\n`);
  if (i === until) await new Promise(() => setInterval(() => undefined, 1000));
}

#!/usr/bin/env node
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { runAndReport, type Mode } from './harness/index.ts';
import { storageCases, storageSuites } from './storage/index.ts';

const usage = `Usage: conformance storage <module> [options]

Proves that the storage driver which <module> exports by default keeps its promises. Needs root.

  --options <json>   what the driver is opened with
  --suite <name>     only this part (repeatable): ${storageSuites.join(', ')}
  --mode <mode>      only direct, or only proxied
  --tmp <folder>     where to make temporary folders: decides the file system
`;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { options: { type: 'string' }, suite: { type: 'string', multiple: true }, mode: { type: 'string', multiple: true }, tmp: { type: 'string' }, help: { type: 'boolean' } },
  });
  const [kit, module, ...more] = positionals;
  if (values.help === true) {
    process.stdout.write(usage);
    return 0;
  }
  const suites = storageSuites.filter((suite) => values.suite?.includes(suite) ?? true);
  const modes = (['direct', 'proxied'] satisfies Mode[]).filter((mode) => values.mode?.includes(mode) ?? true);
  if (kit !== 'storage' || module === undefined || more.length > 0 || suites.length === 0 || modes.length === 0) {
    process.stderr.write(usage);
    return 2;
  }
  const options: unknown = values.options === undefined ? {} : JSON.parse(values.options);
  const cases = storageCases({ plugin: pathToFileURL(resolve(module)), options, suites, modes, ...(values.tmp !== undefined && { tmp: values.tmp }) });
  return (await runAndReport(cases, (text) => void process.stdout.write(text))) === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (e) {
  process.stderr.write(`${e instanceof Error ? e.message : String(e)}\n`);
  process.exitCode = 2;
}

#!/usr/bin/env node
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { runAndReport, type BoundCase, type Mode } from './harness/index.ts';
import { busyboxRootfs, runtimeCases, runtimeSuites } from './runtime/index.ts';
import { storageCases, storageSuites } from './storage/index.ts';

const usage = `Usage: conformance storage|runtime <module> [options]

Proves that the driver of that kind which <module> exports by default keeps its promises. Needs root.

  --options <json>   what the driver is opened with
  --suite <name>     only this part (repeatable)
                     storage: ${storageSuites.join(', ')}
                     runtime: ${runtimeSuites.join(', ')}
  --mode <mode>      only direct, or only proxied
  --instants <n>     storage: so many of each step at which suite crash kills it (3)
  --tmp <folder>     where to make temporary folders: decides the file system
  --busybox <file>   runtime: a static busybox (/bin/busybox)
`;

/** What the options of a command mean. */
interface Command {
  readonly plugin: URL;
  readonly options: unknown;
  readonly suites: readonly string[] | undefined;
  readonly modes: readonly Mode[];
  readonly tmp?: string;
  readonly instants: number;
}

/** The cases, and what is to be done after them; `undefined`: a suite that is none. */
async function casesOf(kit: string, { suites, ...command }: Command, busybox: string): Promise<{ readonly cases: readonly BoundCase[]; end(): Promise<void> } | undefined> {
  const chosen = <T extends string>(all: readonly T[]): readonly T[] => all.filter((suite) => suites?.includes(suite) ?? true);
  if (kit === 'storage') return { cases: storageCases({ ...command, suites: chosen(storageSuites) }), end: () => Promise.resolve() };
  if (kit !== 'runtime') return undefined;
  const rootfs = await busyboxRootfs(await mkdtemp(join(command.tmp ?? tmpdir(), 'gantry-test-rootfs-')), busybox);
  return { cases: runtimeCases({ ...command, rootfs, suites: chosen(runtimeSuites) }), end: () => rm(rootfs, { recursive: true }) };
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      options: { type: 'string' }, suite: { type: 'string', multiple: true }, mode: { type: 'string', multiple: true }, tmp: { type: 'string' }, busybox: { type: 'string' }, instants: { type: 'string', default: '3' }, help: { type: 'boolean' },
    },
  });
  const [kit, module, ...more] = positionals;
  if (values.help === true) {
    process.stdout.write(usage);
    return 0;
  }
  const modes = (['direct', 'proxied'] satisfies Mode[]).filter((mode) => values.mode?.includes(mode) ?? true);
  const options: unknown = values.options === undefined ? {} : JSON.parse(values.options);
  const command = { plugin: pathToFileURL(resolve(module ?? '')), options, suites: values.suite, modes, instants: Number(values.instants), ...(values.tmp !== undefined && { tmp: values.tmp }) };
  const found = kit === undefined || module === undefined || more.length > 0 ? undefined : await casesOf(kit, command, values.busybox ?? '/bin/busybox');
  if (found === undefined || found.cases.length === 0) {
    await found?.end();
    process.stderr.write(usage);
    return 2;
  }
  try {
    return (await runAndReport(found.cases, (text) => void process.stdout.write(text))) === 0 ? 0 : 1;
  } finally {
    await found.end();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (e) {
  process.stderr.write(`${e instanceof Error ? e.message : String(e)}\n`);
  process.exitCode = 2;
}

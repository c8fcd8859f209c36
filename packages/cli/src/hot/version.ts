import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { maxApiVersion } from '@gantry/api-types';
import { isGantryError } from '@gantry/errors';
import { formatObject } from '../format/format.ts';
import type { Value } from '../format/template/functions.ts';
import { withEngine } from '../kit/engine.ts';
import { define } from '../kit/spec.ts';

export const version = define({
  name: 'version',
  summary: 'Show the versions of this command and of the engine',
  examples: [{ description: 'The engine\'s API version', command: "gantry version -f '{{.Server.ApiVersion}}'" }],
  flags: { format: { type: 'string', char: 'f', value: 'template', summary: 'json, or a Go template' } },
  args: { usage: '', min: 0, max: 0 },
  run: async ({ flags, io, global }) => {
    const client = { Version: ownVersion(), ApiVersion: maxApiVersion, Os: process.platform, Arch: process.arch, NodeVersion: process.version };
    let server: Value = null;
    let failure: string | undefined;
    try {
      server = await withEngine(global, io, async (engine) => (await engine.system.version()) as unknown as Value);
    } catch (error) {
      if (!isGantryError(error) || error.kind !== 'unavailable') throw error;
      failure = error.message;
    }
    const format = flags.format ?? (global.json ? 'json' : undefined);
    const value: Value = { Client: client, Server: server };
    if (format !== undefined) await io.out(formatObject(value, format));
    else await io.out(describe('Client', client) + (server === null ? '' : describe('Server', server as Readonly<Record<string, Value>>)));
    if (failure !== undefined) await io.err(`gantry: ${failure}\n`);
    return failure === undefined ? 0 : 1;
  },
});

function describe(title: string, facts: Readonly<Record<string, Value>>): string {
  const line = (name: string, value: Value): string => (value === undefined ? '' : ` ${`${name}:`.padEnd(13)}${String(value as string)}\n`);
  return `${title}:\n${line('Version', facts['Version'])}${line('API version', facts['ApiVersion'])}${line('Node', facts['NodeVersion'])}${line('Kernel', facts['KernelVersion'])}${line('OS/Arch', `${String(facts['Os'] as string)}/${String(facts['Arch'] as string)}`)}`;
}

export function ownVersion(): string {
  const manifest = JSON.parse(readFileSync(fileURLToPath(new URL('../package.json', import.meta.url)), 'utf8')) as { readonly version: string };
  return manifest.version;
}

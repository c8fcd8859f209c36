import { createRequire } from 'node:module';
import { maxApiVersion, type SystemVersion } from '@gantry/api-types';
import { isGantryError } from '@gantry/errors';
import { formatObject } from '../format/format.ts';
import type { Value } from '../format/template/functions.ts';
import { withEngine } from '../kit/engine.ts';
import { safeText } from '../kit/safe-text.ts';
import { define } from '../kit/spec.ts';

export const version = define({
  name: 'version',
  summary: 'Show the versions of this command and of the engine',
  examples: [{ description: 'The engine\'s API version', command: "gantry version -f '{{.Server.ApiVersion}}'" }],
  flags: { format: { type: 'string', char: 'f', value: 'template', summary: 'json, or a Go template' } },
  args: { usage: '', min: 0, max: 0 },
  run: async ({ flags, io, global }) => {
    const client = { Version: ownVersion(), ApiVersion: maxApiVersion, Os: process.platform, Arch: process.arch, NodeVersion: process.version };
    let server: SystemVersion | null = null;
    let failure: string | undefined;
    try {
      server = await withEngine(global, io, async (engine) => engine.system.version());
    } catch (error) {
      if (!isGantryError(error) || error.kind !== 'unavailable') throw error;
      failure = error.message;
    }
    const format = flags.format ?? (global.json ? 'json' : undefined);
        if (format !== undefined) await io.out(formatObject({ Client: client, Server: server as Value }, format));
    else await io.out(describe('Client', client) + (server === null ? '' : describe('Server', server)));
    if (failure !== undefined) await io.err(`gantry: ${failure}\n`);
    return failure === undefined ? 0 : 1;
  },
});

interface Side {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly NodeVersion?: string;
  readonly KernelVersion?: string;
}

function describe(title: string, side: Side): string {
  const lines: (readonly [string, string | undefined])[] = [
    ['Version', side.Version],
    ['API version', side.ApiVersion],
    ['Node', side.NodeVersion],
    ['Kernel', side.KernelVersion],
    ['OS/Arch', `${side.Os}/${side.Arch}`],
  ];
  return `${title}:\n${lines.flatMap(([name, value]) => (value === undefined ? [] : [` ${`${name}:`.padEnd(13)}${safeText(value)}\n`])).join('')}`;
}

export function ownVersion(): string {
  const require = createRequire(import.meta.url);
  const manifest = require('@gantry/cli/package.json') as { readonly version: string };
  return manifest.version;
}

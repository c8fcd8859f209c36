import type { SystemInfo } from '@gantry/api-types';
import { formatObject } from '../format/format.ts';
import type { Value } from '../format/template/functions.ts';
import { withEngine } from '../kit/engine.ts';
import { safeText } from '../kit/safe-text.ts';
import { define } from '../kit/spec.ts';

export const info = define({
  name: 'info',
  aliases: ['system info'],
  summary: 'Show what the engine is and what it stands on',
  examples: [{ description: 'One fact', command: "gantry info -f '{{.Driver}}'" }],
  flags: { format: { type: 'string', char: 'f', value: 'template', summary: 'json, or a Go template' } },
  args: { usage: '', min: 0, max: 0 },
  run: ({ flags, io, global }) => withEngine(global, io, async (client) => {
    const facts = await client.system.info();
    const format = flags.format ?? (global.json ? 'json' : undefined);
    await io.out(format === undefined ? describe(facts) : formatObject(facts as unknown as Value, format));
    for (const warning of facts.Warnings ?? []) await io.err(`${safeText(warning)}\n`);
    return 0;
  }),
});

function describe(i: SystemInfo): string {
  const lines: (readonly [string, string])[] = [
    ['Containers', String(i.Containers)],
    [' Running', String(i.ContainersRunning)],
    [' Paused', String(i.ContainersPaused)],
    [' Stopped', String(i.ContainersStopped)],
    ['Images', String(i.Images)],
    ['Server Version', i.ServerVersion],
    ['Storage Driver', i.Driver],
    ...i.DriverStatus.map(([name, value]) => [` ${name}`, value] as const),
    ['Logging Driver', i.LoggingDriver],
    ['Cgroup Driver', i.CgroupDriver],
    ['Cgroup Version', i.CgroupVersion ?? 'none'],
    ['Runtimes', Object.keys(i.Runtimes).join(' ')],
    ['Default Runtime', i.DefaultRuntime],
    ['Security Options', i.SecurityOptions.join(' ')],
    ['Kernel Version', i.KernelVersion],
    ['Operating System', i.OperatingSystem],
    ['OSType', i.OSType],
    ['Architecture', i.Architecture],
    ['CPUs', String(i.NCPU)],
    ['Total Memory', `${(i.MemTotal / 2 ** 30).toFixed(2)}GiB`],
    ['Name', i.Name],
    ['ID', i.ID],
    ['Root Dir', i.DockerRootDir],
    ['Debug Mode', String(i.Debug)],
  ];
  return lines.map(([name, value]) => `${name}: ${safeText(value)}\n`).join('');
}

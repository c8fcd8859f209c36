import type { ContainerSummary } from '@gantry/api-types';
import { formatList, type Row } from '../format/format.ts';
import { withEngine } from '../kit/engine.ts';
import { parseFilters } from '../kit/filters.ts';
import { define } from '../kit/spec.ts';
import { ellipsis, shortId } from '../kit/text.ts';
import { formatAge, formatBytes } from '../kit/units.ts';

export const ps = define({
  name: 'ps',
  aliases: ['container ls', 'container list', 'container ps'],
  summary: 'List containers',
  examples: [
    { description: 'Those that run', command: 'gantry ps' },
    { description: 'All, as JSON', command: 'gantry ps -a --json' },
    { description: 'Names of those that failed', command: "gantry ps -a --filter status=exited --format '{{.Names}}'" },
  ],
  flags: {
    all: { type: 'boolean', char: 'a', summary: 'Show those that do not run too' },
    filter: { type: 'list', char: 'f', value: 'key=value', summary: 'Show only what matches (id, name, label, status, ancestor, exited, ...)' },
    format: { type: 'string', value: 'template', summary: 'table, json, or a Go template for each container' },
    last: { type: 'string', char: 'n', value: 'number', summary: 'Show the last ones made' },
    latest: { type: 'boolean', char: 'l', summary: 'Show the last one made' },
    'no-trunc': { type: 'boolean', summary: 'Show IDs and commands in full' },
    quiet: { type: 'boolean', char: 'q', summary: 'Print IDs only' },
    size: { type: 'boolean', char: 's', summary: 'Show what they wrote' },
  },
  args: { usage: '', min: 0, max: 0 },
  run: ({ flags, io, global }) => withEngine(global, io, async (client) => {
    const limit = flags.latest ? 1 : flags.last === undefined ? undefined : Number(flags.last);
    const list = await client.containers.list({ all: flags.all, size: flags.size, filters: parseFilters(flags.filter), ...(limit === undefined ? {} : { limit }) });
    const rows = list.map((c) => rowOf(c, flags['no-trunc']));
    if (flags.quiet) {
      await io.out(rows.map((row) => `${row.ID}\n`).join(''));
      return 0;
    }
    await io.out(formatList(rows, flags.format ?? (global.json ? 'json' : undefined), {
      headers: {
        ID: 'CONTAINER ID', Image: 'IMAGE', Command: 'COMMAND', CreatedAt: 'CREATED AT', RunningFor: 'CREATED', Status: 'STATUS', State: 'STATE', Ports: 'PORTS', Names: 'NAMES',
        Size: 'SIZE', Labels: 'LABELS', Mounts: 'MOUNTS', Networks: 'NETWORKS', LocalVolumes: 'LOCAL VOLUMES',
      },
      columns: ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names', ...(flags.size ? ['Size'] : [])],
    }));
    return 0;
  }),
});

function rowOf(c: ContainerSummary, full: boolean): Row & { readonly ID: string } {
  const command = JSON.stringify(c.Command);
  return {
    ID: full ? c.Id : shortId(c.Id),
    Image: c.Image,
    Command: full ? command : `"${ellipsis(command.slice(1, -1), 20)}"`,
    CreatedAt: new Date(c.Created * 1000).toISOString(),
    RunningFor: `${formatAge(Date.now() / 1000 - c.Created)} ago`,
    Status: c.Status,
    State: c.State,
    Ports: c.Ports.map((p) => (p.PublicPort === undefined ? `${p.PrivatePort}/${p.Type}` : `${p.IP ?? ''}:${p.PublicPort}->${p.PrivatePort}/${p.Type}`)).join(', '),
    Names: c.Names.map((name) => name.replace(/^\//, '')).join(','),
    Size: `${formatBytes(c.SizeRw ?? 0)}${c.SizeRootFs == null ? '' : ` (virtual ${formatBytes(c.SizeRootFs)})`}`,
    Labels: Object.entries(c.Labels).map(([name, value]) => `${name}=${value}`).join(','),
    Mounts: c.Mounts.map((m) => m.Name ?? m.Source).join(','),
    Networks: Object.keys(c.NetworkSettings.Networks).join(','),
    LocalVolumes: String(c.Mounts.filter((m) => m.Type === 'volume').length),
  };
}

import { formatList } from '../format/format.ts';
import { withEngine } from '../kit/engine.ts';
import { define } from '../kit/spec.ts';

export const plugins = define({
  name: 'plugins',
  summary: 'Show which drivers the engine uses, which it passed over, and why',
  examples: [{ description: 'As JSON', command: 'gantry plugins --json' }],
  flags: { format: { type: 'string', value: 'template', summary: 'table, json, or a Go template for each driver' } },
  args: { usage: '', min: 0, max: 0 },
  run: ({ flags, io, global }) => withEngine(global, io, async (client) => {
    const rows = (await client.system.drivers()).map((d) => ({ Kind: d.kind, Name: d.name, Package: d.package, Status: d.status, Reason: d.reason ?? '' }));
    await io.out(formatList(rows, flags.format ?? (global.json ? 'json' : undefined), {
      headers: { Kind: 'KIND', Name: 'NAME', Package: 'PACKAGE', Status: 'STATUS', Reason: 'REASON' },
      columns: ['Kind', 'Name', 'Package', 'Status', 'Reason'],
    }));
    return 0;
  }),
});

import type { ImageSummary } from '@gantry/api-types';
import { formatList, type Row } from '../format/format.ts';
import { withEngine } from '../kit/engine.ts';
import { parseFilters } from '../kit/filters.ts';
import { define } from '../kit/spec.ts';
import { shortId } from '../kit/text.ts';
import { formatAge, formatBytes } from '../kit/units.ts';

export const images = define({
  name: 'images',
  aliases: ['image ls', 'image list'],
  summary: 'List images',
  examples: [
    { description: 'All of them', command: 'gantry images' },
    { description: 'Names and sizes only', command: "gantry images --format '{{.Repository}}:{{.Tag}} {{.Size}}'" },
  ],
  flags: {
    all: { type: 'boolean', char: 'a', summary: 'Show intermediate images too' },
    digests: { type: 'boolean', summary: 'Show digests' },
    filter: { type: 'list', char: 'f', value: 'key=value', summary: 'Show only what matches (dangling, reference, label, before, since)' },
    format: { type: 'string', value: 'template', summary: 'table, json, or a Go template for each image' },
    'no-trunc': { type: 'boolean', summary: 'Show IDs in full' },
    quiet: { type: 'boolean', char: 'q', summary: 'Print IDs only' },
  },
  args: { usage: '[REPOSITORY[:TAG]]', min: 0, max: 1 },
  run: ({ flags, args: [reference], io, global }) => withEngine(global, io, async (client) => {
    const filters = parseFilters([...flags.filter, ...(reference === undefined ? [] : [`reference=${reference}`])]);
    const list = await client.images.list({ all: flags.all, digests: flags.digests, filters });
    const rows = list.flatMap((image) => rowsOf(image, flags['no-trunc']));
    if (flags.quiet) {
      await io.out(rows.map((row) => `${row.ID}\n`).filter((line, i, lines) => lines.indexOf(line) === i).join(''));
      return 0;
    }
    await io.out(formatList(rows, flags.format ?? (global.json ? 'json' : undefined), {
      headers: { Repository: 'REPOSITORY', Tag: 'TAG', Digest: 'DIGEST', ID: 'IMAGE ID', CreatedSince: 'CREATED', CreatedAt: 'CREATED AT', Size: 'SIZE', Containers: 'CONTAINERS', SharedSize: 'SHARED SIZE', UniqueSize: 'UNIQUE SIZE' },
      columns: ['Repository', 'Tag', ...(flags.digests ? ['Digest'] : []), 'ID', 'CreatedSince', 'Size'],
    }));
    return 0;
  }),
});

/** A row for each name of an image. */
function rowsOf(image: ImageSummary, full: boolean): (Row & { readonly ID: string })[] {
  const digests = image.RepoDigests.map((digest) => digest.slice(digest.indexOf('@') + 1));
  const names = image.RepoTags.length > 0 ? image.RepoTags : ['<none>:<none>'];
  return names.map((name) => {
    const colon = name.lastIndexOf(':');
    return {
      Repository: name.slice(0, colon),
      Tag: name.slice(colon + 1),
      Digest: digests[0] ?? '<none>',
      ID: full ? image.Id : shortId(image.Id),
      CreatedSince: image.Created > 0 ? `${formatAge(Date.now() / 1000 - image.Created)} ago` : 'N/A',
      CreatedAt: new Date(image.Created * 1000).toISOString(),
      Size: formatBytes(image.Size),
      Containers: image.Containers < 0 ? 'N/A' : String(image.Containers),
      SharedSize: 'N/A',
      UniqueSize: 'N/A',
    };
  });
}

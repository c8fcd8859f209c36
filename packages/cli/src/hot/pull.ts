import { formatReference, parseReference, withDefaultTag } from '@gantry/oci';
import { withEngine } from '../kit/engine.ts';
import { define } from '../kit/spec.ts';
import { pullImage } from '../pull/pull.ts';

export const pull = define({
  name: 'pull',
  aliases: ['image pull'],
  summary: 'Download an image from a registry',
  examples: [
    { description: 'From Docker Hub', command: 'gantry pull debian:12' },
    { description: 'From another registry, for another platform', command: 'gantry pull --platform linux/arm64 registry.example.com/team/app:1' },
  ],
  flags: {
    platform: { type: 'string', value: 'os/arch', summary: 'Platform of the image' },
    quiet: { type: 'boolean', char: 'q', summary: 'Print only the name of the image' },
  },
  args: { usage: 'NAME[:TAG|@DIGEST]', min: 1, max: 1 },
  run: ({ flags, args: [name = ''], io, global }) => withEngine(global, io, async (client) => {
    const quiet = flags.quiet || global.json;
    await pullImage(client, name, { io, quiet, to: 'out', ...(flags.platform === undefined ? {} : { platform: flags.platform }) });
    const full = formatReference(withDefaultTag(parseReference(name)));
    await io.out(global.json ? `${JSON.stringify({ name: full })}\n` : `${full}\n`);
    return 0;
  }),
});

import { each } from '../kit/each.ts';
import { withEngine } from '../kit/engine.ts';
import { define } from '../kit/spec.ts';

export const rmi = define({
  name: 'rmi',
  aliases: ['image rm', 'image remove'],
  summary: 'Remove images',
  examples: [{ description: 'A name, and the image if it was the last', command: 'gantry rmi debian:12' }],
  flags: {
    force: { type: 'boolean', char: 'f', summary: 'Even if stopped containers use it' },
    'no-prune': { type: 'boolean', summary: 'Keep parents that have no name' },
  },
  args: { usage: 'IMAGE [IMAGE...]', min: 1, max: Infinity },
  run: ({ flags, args, io, global }) => withEngine(global, io, (client) => each(args, io, async (name) => {
    const effects = await client.images.remove(name, { force: flags.force, noprune: flags['no-prune'] });
    return effects.map((effect) => (effect.Deleted === undefined ? `Untagged: ${effect.Untagged}` : `Deleted: ${effect.Deleted}`));
  })),
});

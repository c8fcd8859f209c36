import { isGantryError } from '@gantry/errors';
import { each } from '../kit/each.ts';
import { withEngine } from '../kit/engine.ts';
import { define } from '../kit/spec.ts';

export const rm = define({
  name: 'rm',
  aliases: ['container rm', 'container remove'],
  summary: 'Remove containers',
  examples: [
    { description: 'One that has ended', command: 'gantry rm web' },
    { description: 'Even if it runs', command: 'gantry rm -f web' },
  ],
  flags: {
    force: { type: 'boolean', char: 'f', summary: 'Kill those that run; those that do not exist are no error' },
    volumes: { type: 'boolean', char: 'v', summary: 'Remove their anonymous volumes too' },
  },
  args: { usage: 'CONTAINER [CONTAINER...]', min: 1, max: Infinity },
  run: ({ flags, args, io, global }) => withEngine(global, io, (client) => each(args, io, async (name) => {
    try {
      await client.containers.remove(name, { force: flags.force, volumes: flags.volumes });
    } catch (error) {
      if (!flags.force || !isGantryError(error) || error.kind !== 'notFound') throw error;
      return [];
    }
    return name;
  })),
});

import { each } from '../kit/each.ts';
import { withEngine } from '../kit/engine.ts';
import { define } from '../kit/spec.ts';

export const start = define({
  name: 'start',
  aliases: ['container start'],
  summary: 'Start containers that do not run',
  examples: [{ description: 'Start it again', command: 'gantry start web' }],
  flags: {},
  args: { usage: 'CONTAINER [CONTAINER...]', min: 1, max: Infinity },
  run: ({ args, io, global }) => withEngine(global, io, (client) => each(args, io, async (name) => {
    await client.containers.start(name);
    return name;
  })),
});

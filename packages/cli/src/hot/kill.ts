import { each } from '../kit/each.ts';
import { withEngine } from '../kit/engine.ts';
import { define } from '../kit/spec.ts';

export const kill = define({
  name: 'kill',
  aliases: ['container kill'],
  summary: 'Send a signal to containers',
  examples: [
    { description: 'End it now', command: 'gantry kill web' },
    { description: 'Another signal', command: 'gantry kill -s HUP web' },
  ],
  flags: { signal: { type: 'string', char: 's', value: 'signal', summary: 'Name or number; SIGKILL if none is given' } },
  args: { usage: 'CONTAINER [CONTAINER...]', min: 1, max: Infinity },
  run: ({ flags, args, io, global }) => withEngine(global, io, (client) => each(args, io, async (name) => {
    await client.containers.kill(name, flags.signal === undefined ? {} : { killSignal: flags.signal });
    return name;
  })),
});

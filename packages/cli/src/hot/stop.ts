import { GantryError } from '@gantry/errors';
import { each } from '../kit/each.ts';
import { withEngine } from '../kit/engine.ts';
import { define } from '../kit/spec.ts';

export const stop = define({
  name: 'stop',
  aliases: ['container stop'],
  summary: 'Stop containers',
  description: 'Sends the stop signal, and SIGKILL where that has not ended the container in time.',
  examples: [
    { description: 'In the container\'s own way', command: 'gantry stop web' },
    { description: 'At once after two seconds', command: 'gantry stop -t 2 web db' },
  ],
  flags: {
    signal: { type: 'string', char: 's', value: 'signal', summary: 'Signal to send instead of the container\'s own' },
    timeout: { type: 'string', char: 't', value: 'seconds', summary: 'How long to wait before SIGKILL; -1 without end' },
    time: { type: 'string', value: 'seconds', summary: 'The same as --timeout' },
  },
  args: { usage: 'CONTAINER [CONTAINER...]', min: 1, max: Infinity },
  run: ({ flags, args, io, global }) => withEngine(global, io, (client) => {
    const timeout = flags.timeout ?? flags.time;
    if (timeout !== undefined && !/^-?\d+$/.test(timeout)) throw new GantryError('invalid', 'bad-flag-value', `invalid argument ${JSON.stringify(timeout)} for --timeout: expected seconds`);
    return each(args, io, async (name) => {
      await client.containers.stop(name, { ...(flags.signal === undefined ? {} : { stopSignal: flags.signal }), ...(timeout === undefined ? {} : { timeout: Number(timeout) }) });
      return name;
    });
  }),
});

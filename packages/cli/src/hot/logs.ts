import { withEngine } from '../kit/engine.ts';
import { define } from '../kit/spec.ts';

export const logs = define({
  name: 'logs',
  aliases: ['container logs'],
  summary: 'Show what a container wrote',
  examples: [
    { description: 'All of it', command: 'gantry logs web' },
    { description: 'The last lines with their times', command: 'gantry logs --tail 20 -t web' },
    { description: 'And what comes', command: 'gantry logs -f web' },
  ],
  flags: {
    follow: { type: 'boolean', char: 'f', summary: 'Go on until the container ends' },
    since: { type: 'string', value: 'time', summary: 'From this time on (RFC 3339, Unix seconds, or 10m for ten minutes ago)' },
    tail: { type: 'string', char: 'n', value: 'lines', summary: 'Only the last lines; all for all' },
    timestamps: { type: 'boolean', char: 't', summary: 'Show when each line was written' },
    until: { type: 'string', value: 'time', summary: 'Up to this time' },
  },
  args: { usage: 'CONTAINER', min: 1, max: 1 },
  run: ({ flags, args: [name = ''], io, global }) => withEngine(global, io, async (client) => {
    const { Config } = await client.containers.inspect(name);
    const stream = client.containers.logs(name, {
      tty: Config.Tty, stdout: true, stderr: true, follow: flags.follow, timestamps: flags.timestamps,
      tail: flags.tail ?? 'all',
      ...(flags.since === undefined ? {} : { since: moment(flags.since) }),
      ...(flags.until === undefined ? {} : { until: moment(flags.until) }),
    });
    for await (const { fd, data } of stream) await (fd === 1 ? io.out(data) : io.err(data));
    return 0;
  }),
});

const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1 };

/** A duration before now, as in `1h30m`, becomes Unix seconds; what is none is handed on for the engine to read. */
function moment(text: string): string {
  if (!/^(\d+(\.\d+)?[hms])+$/.test(text)) return text;
  const seconds = [...text.matchAll(/(\d+(?:\.\d+)?)([hms])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0), 0);
  return (Date.now() / 1000 - seconds).toFixed(3);
}

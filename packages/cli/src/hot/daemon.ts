import type * as Daemon from '@gantry/daemon';
import { define } from '../kit/spec.ts';

export const daemon = define({
  name: 'daemon',
  summary: 'Run the engine in the foreground',
  description: 'The same as gantryd; all its options are listed by "gantry daemon --help".',
  examples: [
    { description: 'On the default socket', command: 'gantry daemon' },
    { description: 'Beside another one', command: 'gantry daemon -H unix:///tmp/g.sock --data-root /tmp/g --exec-root /tmp/g-run' },
  ],
  flags: {},
  args: { usage: '[OPTIONS]', min: 0, max: Infinity, verbatim: true },
  run: async ({ args }) => {
    // Loaded here only: the engine is no part of the command's own bundle.
    const name = '@gantry/daemon';
    const { runDaemon } = (await import(name)) as typeof Daemon;
    return runDaemon(args);
  },
});

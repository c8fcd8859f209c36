import { aliases, hot } from './hot/index.ts';
import { execute } from './kit/execute.ts';
import { globalFlags, type Io } from './kit/spec.ts';

/**
 * The way of the commands that people wait for: no oclif, whose parser and loader cost 60 to 130 ms. `undefined`: help, an
 * unknown command, a plugin's command, which is oclif's work.
 */
export async function fast(argv: readonly string[], io: Io): Promise<number | undefined> {
  const { before, rest } = leadingGlobals(argv);
  const grouped = Object.hasOwn(aliases, rest.slice(0, 2).join(' '));
  const name = grouped ? aliases[rest.slice(0, 2).join(' ')] : rest[0];
  const load = name !== undefined && Object.hasOwn(hot, name) ? hot[name] : undefined;
  if (load === undefined) return undefined;
  return execute(await load(), [...before, ...rest.slice(grouped ? 2 : 1)], io);
}

/** `gantry -H unix:///x ps`: flags that stand before the command's name. */
function leadingGlobals(argv: readonly string[]): { readonly before: readonly string[]; readonly rest: readonly string[] } {
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at] ?? '';
    const name = Object.entries(globalFlags).find(([long, flag]) => word === `--${long}` || word.startsWith(`--${long}=`) || ('char' in flag && word === `-${flag.char}`));
    if (name === undefined) break;
    if (name[1].type === 'string' && !word.includes('=')) at++;
  }
  return { before: argv.slice(0, at), rest: argv.slice(at) };
}

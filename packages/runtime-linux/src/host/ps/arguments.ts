import { GantryError } from '@gantry/errors';
import { columns, type Column } from './columns.ts';

const layouts = {
  plain: ['pid', 'tname', 'time', 'ucmd'],
  full: ['user', 'pid', 'ppid', 'c', 'stime', 'tname', 'time', 'cmd'],
  long: ['f', 's', 'uid', 'pid', 'ppid', 'c', 'pri', 'ni', 'addr', 'sz', 'wchan', 'tname', 'time', 'ucmd'],
  bsd: ['pid', 'tname', 'stat', 'bsdtime', 'args'],
  bsdUser: ['user', 'pid', '%cpu', '%mem', 'vsz', 'rss', 'tname', 'stat', 'start_time', 'bsdtime', 'args'],
} as const;

/**
 * The columns that arguments of ps(1) ask for: `-e -A -f -l -w -o list` and their BSD forms `a x u w o list`. Which
 * processes are meant is not asked here: all are listed.
 *
 * @throws `GantryError` invalid `ps-argument-unknown`
 */
export function parsePsArguments(args: readonly string[]): readonly Column[] {
  const chosen: Column[] = [];
  let layout: keyof typeof layouts | undefined;
  const pending = args.flatMap((arg) => arg.split(/\s+/)).filter((arg) => arg !== '');
  for (let arg = pending.shift(); arg !== undefined; arg = pending.shift()) {
    const unix = arg.startsWith('-');
    const letters = unix ? arg.slice(1) : arg;
    if (letters === '') throw unknown(arg);
    for (let at = 0; at < letters.length; at += 1) {
      const letter = letters[at] ?? '';
      if (letter === 'o' || (!unix && letter === 'O')) {
        const list = letters.slice(at + 1) || pending.shift();
        if (list === undefined) throw unknown(arg);
        chosen.push(...columnList(list));
        break;
      }
      layout = layoutAfter(layout, letter, unix) ?? fail(arg);
    }
  }
  if (chosen.length > 0) return chosen;
  return layouts[layout ?? 'plain'].map((name) => (layout === 'full' && name === 'user' ? { ...named(name), title: 'UID' } : named(name)));
}

function layoutAfter(layout: keyof typeof layouts | undefined, letter: string, unix: boolean): keyof typeof layouts | undefined {
  if (letter === 'w' || letter === 'H') return layout ?? (unix ? 'plain' : 'bsd');
  if (unix) {
    if (letter === 'e' || letter === 'A') return layout ?? 'plain';
    if (letter === 'f' || letter === 'F') return 'full';
    return letter === 'l' ? 'long' : undefined;
  }
  if (letter === 'a' || letter === 'x') return layout ?? 'bsd';
  return letter === 'u' ? 'bsdUser' : undefined;
}

/** `pid,user=WHO`: what stands behind a `=` is the rest of the list, commas included. */
function columnList(list: string): Column[] {
  const split = list.indexOf('=');
  const names = (split === -1 ? list : list.slice(0, split)).split(',');
  return names.map((name, index) => {
    const column = columns.get(name.toLowerCase());
    if (column === undefined) throw unknown(name);
    return split !== -1 && index === names.length - 1 ? { ...column, title: list.slice(split + 1) } : column;
  });
}

function named(name: string): Column {
  return columns.get(name) ?? fail(name);
}

function fail(arg: string): never {
  throw unknown(arg);
}

function unknown(arg: string): GantryError {
  return new GantryError('invalid', 'ps-argument-unknown', `ps: ${JSON.stringify(arg)} is not understood: use -ef, aux, or -o with names of columns such as pid,user,args`, { details: { argument: arg } });
}

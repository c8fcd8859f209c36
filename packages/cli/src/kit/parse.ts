import { GantryError } from '@gantry/errors';
import { globalFlags, type CommandSpec, type FlagSpec, type FlagSpecs, type FlagValues, type GlobalFlags } from './spec.ts';

export interface Parsed<F extends FlagSpecs> {
  readonly flags: FlagValues<F>;
  readonly args: readonly string[];
  readonly global: GlobalFlags;
  /** `--help` or `-h` was given: nothing else counts. */
  readonly help: boolean;
}

type Raw = Record<string, string | boolean | string[]>;

const usage = (code: string, message: string): GantryError => new GantryError('invalid', code, message);

/**
 * Reads a command line as Docker's does (POSIX with long options, as pflag reads it): `--name value`, `--name=value`,
 * `-n value`, `-nvalue`, `-abc`, `--flag=false`, `--` ends flags.
 * @throws GantryError invalid `unknown-flag`, `flag-needs-value`, `bad-flag-value`, `bad-arguments`.
 */
export function parse<F extends FlagSpecs>(spec: CommandSpec<F>, argv: readonly string[]): Parsed<F> {
  if (spec.args.verbatim === true) return { flags: fill(spec.flags, {}), args: argv, global: { json: false, debug: false }, help: false };
  const specs: FlagSpecs = { ...globalFlags, ...spec.flags };
  const byChar = new Map<string, string>();
  for (const [name, { char }] of Object.entries({ ...globalFlags, ...spec.flags } as FlagSpecs)) if (char !== undefined) byChar.set(char, name);
  const raw: Raw = {};
  const args: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (word === '--') {
      args.push(...argv.slice(at + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      if (spec.args.passThrough === true) {
        args.push(...argv.slice(at));
        break;
      }
      args.push(word);
      continue;
    }
    if (isHelp(word, byChar)) return { flags: fill(spec.flags, {}), args: [], global: { json: false, debug: false }, help: true };
    const next = (): string | undefined => argv[++at];
    if (word.startsWith('--')) long(word, specs, raw, next);
    else short(word, specs, byChar, raw, next);
  }
  checkCount(spec, args);
  const global = fill(globalFlags, raw);
  return {
    flags: fill(spec.flags, raw),
    args,
    global: { json: global.json, debug: global.debug, ...(global.host === undefined ? {} : { host: global.host }) },
    help: false,
  };
}

function isHelp(word: string, byChar: ReadonlyMap<string, string>): boolean {
  return word === '--help' || (word === '-h' && !byChar.has('h'));
}

function long(word: string, specs: FlagSpecs, raw: Raw, next: () => string | undefined): void {
  const equals = word.indexOf('=');
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const flag = Object.hasOwn(specs, name) ? specs[name] : undefined;
  if (flag === undefined) throw usage('unknown-flag', `unknown flag: --${name}`);
  set(raw, name, `--${name}`, flag, equals < 0 ? undefined : word.slice(equals + 1), next);
}

function short(word: string, specs: FlagSpecs, byChar: ReadonlyMap<string, string>, raw: Raw, next: () => string | undefined): void {
  for (let i = 1; i < word.length; i++) {
    const char = word.charAt(i);
    const name = byChar.get(char);
    const flag = name === undefined ? undefined : specs[name];
    if (name === undefined || flag === undefined) throw usage('unknown-flag', `unknown shorthand flag: '${char}' in ${word}`);
    const rest = word.slice(i + 1);
    if (flag.type === 'boolean' && !rest.startsWith('=')) {
      raw[name] = true;
      continue;
    }
    set(raw, name, `-${char}`, flag, rest === '' ? undefined : rest.replace(/^=/, ''), next);
    return;
  }
}

const truths: Readonly<Record<string, boolean>> = { 1: true, t: true, true: true, TRUE: true, True: true, 0: false, f: false, false: false, FALSE: false, False: false };

function set(raw: Raw, name: string, shown: string, flag: FlagSpec, inline: string | undefined, next: () => string | undefined): void {
  if (flag.type === 'boolean') {
    const value = inline === undefined ? true : truths[inline];
    if (value === undefined) throw usage('bad-flag-value', `invalid argument ${JSON.stringify(inline)} for ${shown}: expected true or false`);
    raw[name] = value;
    return;
  }
  const value = inline ?? next();
  if (value === undefined) throw usage('flag-needs-value', `flag needs an argument: ${shown}`);
  if (flag.type === 'list') {
    const list = raw[name];
    if (Array.isArray(list)) list.push(value);
    else raw[name] = [value];
    return;
  }
  if (flag.options !== undefined && !flag.options.includes(value)) {
    throw usage('bad-flag-value', `invalid argument ${JSON.stringify(value)} for ${shown}: expected ${flag.options.join(', ')}`);
  }
  raw[name] = value;
}

function fill<F extends FlagSpecs>(specs: F, raw: Raw): FlagValues<F> {
  const out: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(specs)) {
    out[name] = raw[name] ?? (flag.type === 'boolean' ? (flag.default ?? false) : flag.type === 'list' ? [] : undefined);
  }
  return out as FlagValues<F>;
}

function checkCount(spec: CommandSpec<never> | CommandSpec, args: readonly string[]): void {
  const { min, max, usage: shown } = spec.args;
  if (args.length >= min && args.length <= max) return;
  const wanted = min === max ? (min === 0 ? 'no arguments' : `${min} argument${min === 1 ? '' : 's'}`) : args.length < min ? `at least ${min} argument${min === 1 ? '' : 's'}` : `at most ${max} argument${max === 1 ? '' : 's'}`;
  throw usage('bad-arguments', `"gantry ${spec.name}" needs ${wanted}\n\nUsage:  gantry ${[spec.name, '[OPTIONS]', shown].filter((w) => w !== '').join(' ')}`);
}

import { GantryError } from '@gantry/errors';
import type { Settings } from './config.ts';
import { defaults } from './config.ts';
import { absolutePath, host, logFormat, logLevel, mirror, registryHost, text, type Check } from './values.ts';

/** What a command line asks for. */
export type DaemonArgs =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'run' | 'validate';
      readonly settings: Settings;
      /** Undefined: the default one, which may be missing. */
      readonly configFile: string | undefined;
      /** A descriptor that gets one newline once requests are answered, and is closed. */
      readonly readyFd: number | undefined;
    };

interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly value: string | null;
  readonly help: string;
  /** What it adds to what was given so far. */
  readonly set: (given: Given, value: string, fail: (why: string) => GantryError) => Given;
}

interface Given {
  readonly kind: DaemonArgs['kind'];
  readonly settings: Settings;
  readonly configFile?: string;
  readonly readyFd?: number;
}

type One = { readonly [K in keyof Settings]-?: NonNullable<Settings[K]> extends string ? K : never }[keyof Settings];
type Many = 'hosts' | 'registryMirrors' | 'insecureRegistries';

function checked<T>(check: Check<T>, value: string, fail: (why: string) => GantryError): T {
  const result = check(value);
  if ('wrong' in result) throw fail(result.wrong);
  return result.value;
}

const one = <K extends One>(key: K, check: Check<NonNullable<Settings[K]>>): Flag['set'] => (given, value, fail) => ({
  ...given,
  settings: { ...given.settings, [key]: checked(check, value, fail) },
});

const many = (key: Many, check: Check<string>): Flag['set'] => (given, value, fail) => ({
  ...given,
  settings: { ...given.settings, [key]: [...(given.settings[key] ?? []), checked(check, value, fail)] },
});

const truths: Readonly<Record<string, boolean>> = { true: true, '1': true, t: true, false: false, '0': false, f: false };

const toggle = (change: (given: Given, on: boolean) => Given): Flag['set'] => (given, value, fail) => {
  const on = truths[value.toLowerCase()];
  if (on === undefined) throw fail(`expected true or false, got ${JSON.stringify(value)}`);
  return change(given, on);
};

const descriptor: Check<number> = (t) => {
  const n = /^\d{1,4}$/.test(t) ? Number(t) : -1;
  return n >= 1 ? { value: n } : { wrong: `expected the number of an open descriptor, got ${JSON.stringify(t)}` };
};

/** The table that parsing and help follow. */
export const flags: readonly Flag[] = [
  { name: 'host', short: 'H', value: 'unix:///path', help: `Where to listen; may be given several times (${defaults.host})`, set: many('hosts', host) },
  { name: 'data-root', value: 'path', help: `Images, containers and their state (${defaults.dataRoot})`, set: one('dataRoot', absolutePath) },
  { name: 'exec-root', value: 'path', help: `State that ends with a reboot; keep it short (${defaults.execRoot})`, set: one('execRoot', absolutePath) },
  { name: 'pidfile', short: 'p', value: 'path', help: 'Write the process ID there', set: one('pidfile', absolutePath) },
  { name: 'config-file', value: 'path', help: `Configuration (${defaults.configFile}, which may be missing)`, set: (given, value, fail) => ({ ...given, configFile: checked(absolutePath, value, fail) }) },
  { name: 'group', short: 'G', value: 'name', help: 'Group that may use the sockets (gantry, if there is such a group)', set: one('group', text) },
  { name: 'storage-driver', short: 's', value: 'name', help: 'overlay, vfs, or the package of another one (the first that works, then always the same)', set: one('storageDriver', text) },
  { name: 'log-driver', value: 'name', help: 'Log driver of containers that name none (json-file)', set: one('logDriver', text) },
  { name: 'registry-mirror', value: 'url', help: 'Mirror of Docker Hub to ask first; may be given several times', set: many('registryMirrors', mirror) },
  { name: 'insecure-registry', value: 'host', help: 'Registry (host:port) or network (10.0.0.0/8) that may go without TLS; may be given several times', set: many('insecureRegistries', registryHost) },
  { name: 'plugin-dir', value: 'path', help: `Where drivers beyond the usual ones are installed (${defaults.pluginDir})`, set: one('pluginDir', absolutePath) },
  { name: 'log-level', short: 'l', value: 'level', help: 'debug, info, warn or error (info)', set: one('logLevel', logLevel) },
  { name: 'log-format', value: 'format', help: 'text or json (text)', set: one('logFormat', logFormat) },
  { name: 'debug', short: 'D', value: null, help: 'The same as --log-level debug', set: toggle((given, debug) => ({ ...given, settings: { ...given.settings, debug } })) },
  { name: 'ready-fd', value: 'number', help: 'Write a newline to this descriptor and close it once requests are answered', set: (given, value, fail) => ({ ...given, readyFd: checked(descriptor, value, fail) }) },
  { name: 'validate', value: null, help: 'Check flags and configuration, and stop', set: toggle((given, on) => (on ? { ...given, kind: 'validate' } : given)) },
  { name: 'version', short: 'v', value: null, help: 'Print the version', set: toggle((given, on) => (on ? { ...given, kind: 'version' } : given)) },
  { name: 'help', short: 'h', value: null, help: 'Print this', set: toggle((given, on) => (on ? { ...given, kind: 'help' } : given)) },
];

const bad = (message: string, flag: string): GantryError => new GantryError('invalid', 'bad-flag', `${message}. See gantryd --help`, { details: { flag } });

interface Word {
  readonly flag: Flag;
  /** As it was written, for errors. */
  readonly written: string;
  /** Undefined: in the next argument, unless the flag takes none. */
  readonly value: string | undefined;
}

/** `--name`, `--name=value`, `-N`, `-N=value`, `-Nvalue`. */
function parseWord(word: string): Word {
  const long = /^--([a-z-]+)(?:=(.*))?$/s.exec(word);
  if (long !== null) {
    const flag = flags.find(({ name }) => name === long[1]);
    if (flag !== undefined) return { flag, written: `--${flag.name}`, value: long[2] };
  }
  const short = /^-([A-Za-z])(=)?(.*)$/s.exec(word);
  if (short !== null && !word.startsWith('--')) {
    const flag = flags.find((f) => f.short === short[1]);
    const attached = short[3] ?? '';
    if (flag !== undefined && (flag.value !== null || attached === '' || short[2] !== undefined)) {
      return { flag, written: `-${flag.short ?? ''}`, value: attached === '' && short[2] === undefined ? undefined : attached };
    }
  }
  throw word.startsWith('-') && word !== '-' ? bad(`unknown flag: ${word.slice(0, 64)}`, word) : bad(`unexpected argument: ${JSON.stringify(word.slice(0, 64))}`, word);
}

/**
 * Reads the command line of `gantryd` (without the program's name), also for `gantry daemon`.
 * @throws GantryError invalid `bad-flag`, naming it.
 */
export function parseDaemonArgs(argv: readonly string[]): DaemonArgs {
  let given: Given = { kind: 'run', settings: {} };
  const rest = argv.values();
  for (const word of rest) {
    const { flag, written, value } = parseWord(word);
    const argument = value ?? (flag.value === null ? 'true' : rest.next().value);
    if (argument === undefined) throw bad(`${written} needs a value: ${written} ${flag.value ?? ''}`, flag.name);
    given = flag.set(given, argument, (why) => bad(`${written}: ${why}`, flag.name));
  }
  const { kind } = given;
  if (kind === 'help' || kind === 'version') return { kind };
  return { kind, settings: given.settings, configFile: given.configFile, readyFd: given.readyFd };
}

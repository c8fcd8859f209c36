import { isGantryError } from '@gantry/errors';
import { describe, expect, test } from 'vitest';
import { flags } from '../src/config/flags.ts';
import { helpText } from '../src/config/help.ts';
import { parseDaemonArgs } from '../src/index.ts';

const run = (settings: object, more: { readonly configFile?: string; readonly readyFd?: number } = {}): object => ({ kind: 'run', settings, configFile: undefined, readyFd: undefined, ...more });

describe('reads', () => {
  test.each<[string[], object]>([
    [[], run({})],
    [['-H', 'unix:///a.sock'], run({ hosts: ['unix:///a.sock'] })],
    [['-H', '/a.sock', '--host=unix:///b.sock'], run({ hosts: ['unix:///a.sock', 'unix:///b.sock'] })],
    [['-Hunix:///a.sock'], run({ hosts: ['unix:///a.sock'] })],
    [['-H=unix:///a.sock'], run({ hosts: ['unix:///a.sock'] })],
    [['--host', 'unix:///a/../b.sock'], run({ hosts: ['unix:///b.sock'] })],
    [['--data-root', '/d', '--exec-root=/e', '-p', '/p'], run({ dataRoot: '/d', execRoot: '/e', pidfile: '/p' })],
    [['--config-file', '/c.json'], run({}, { configFile: '/c.json' })],
    [['--registry-mirror', 'https://m', '--registry-mirror=http://127.0.0.1:5000'], run({ registryMirrors: ['https://m', 'http://127.0.0.1:5000'] })],
    [['--insecure-registry', 'r:5000', '--insecure-registry', '10.0.0.0/8', '--insecure-registry', '[::1]:5000'], run({ insecureRegistries: ['r:5000', '10.0.0.0/8', '[::1]:5000'] })],
    [['-s', 'vfs', '-G', 'wheel', '-l', 'warning', '--log-format', 'json'], run({ storageDriver: 'vfs', group: 'wheel', logLevel: 'warn', logFormat: 'json' })],
    [['-D'], run({ debug: true })],
    [['--debug=false'], run({ debug: false })],
    [['--ready-fd', '3'], run({}, { readyFd: 3 })],
    [['--plugin-dir', '/x', '--log-driver', 'none'], run({ pluginDir: '/x', logDriver: 'none' })],
    [['--validate', '-D'], { ...run({ debug: true }), kind: 'validate' }],
    [['--help'], { kind: 'help' }],
    [['-h', '-D'], { kind: 'help' }],
    [['--version'], { kind: 'version' }],
    [['-v'], { kind: 'version' }],
  ])('%j', (argv, expected) => {
    expect(parseDaemonArgs(argv)).toEqual(expected);
  });
});

describe('refuses', () => {
  test.each([
    [['--nope'], 'unknown flag: --nope'],
    [['-x'], 'unknown flag: -x'],
    [['-Dx'], 'unknown flag: -Dx'],
    [['run'], 'unexpected argument: "run"'],
    [['-'], 'unexpected argument: "-"'],
    [['--host'], '--host needs a value: --host unix:///path'],
    [['--host', 'tcp://127.0.0.1:2375'], '--host: this version does not listen on TCP, since that needs TLS on both sides'],
    [['-H', 'fd://'], '-H: this version does not take sockets from systemd'],
    [['-H', 'npipe:////./pipe/x'], 'named pipes are for Windows'],
    [['-H', 'unix://relative'], 'expected unix:// and an absolute path'],
    [['-H', `unix:///${'x'.repeat(107)}`], 'the path of a unix socket has at most 107 bytes'],
    [['-H', ''], 'expected unix:///path, got ""'],
    [['--data-root', 'rel'], '--data-root: expected an absolute path, got "rel"'],
    [['--data-root='], '--data-root: expected an absolute path, got ""'],
    [['--debug=perhaps'], '--debug: expected true or false'],
    [['--log-level', 'loud'], '--log-level: expected debug, info, warn or error'],
    [['--log-format', 'xml'], '--log-format: expected text or json'],
    [['--registry-mirror', 'm.example'], '--registry-mirror: expected http:// or https:// and a host'],
    [['--registry-mirror', 'https://u:p@m'], 'credentials do not belong'],
    [['--insecure-registry', 'http://r'], '--insecure-registry: expected a host without a scheme'],
    [['--insecure-registry', 'a b'], '--insecure-registry: expected a host'],
    [['--ready-fd', '0'], '--ready-fd: expected the number of an open descriptor'],
    [['--ready-fd', 'x'], '--ready-fd: expected the number of an open descriptor'],
    [['--group', ''], '--group: it is empty'],
  ])('%j', (argv, message) => {
    let seen: unknown;
    try {
      parseDaemonArgs(argv);
    } catch (error) {
      seen = error;
    }
    expect(isGantryError(seen) && [seen.kind, seen.code]).toEqual(['invalid', 'bad-flag']);
    expect((seen as Error).message).toContain(message);
    expect((seen as Error).message).toMatch(/See gantryd --help$/);
  });
});

test('help names every flag, and has examples', () => {
  const help = helpText();
  for (const { name } of flags) expect(help).toContain(`--${name}`);
  expect(help).toContain('Examples:\n  gantryd\n');
  expect(help.split('\n').every((line) => line.length < 160)).toBe(true);
});

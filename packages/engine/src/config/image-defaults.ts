import type { HealthConfig, ImageConfigDefaults } from '@gantry/oci';
import type { CreateContainer, ProcessConfig } from '../types/index.ts';
import { badConfig } from './invalid.ts';
import { containerPath } from './paths.ts';
import { signalNumber } from './signals.ts';

/** What was asked for, completed by what the image says, in Docker's way. @throws GantryError invalid `bad-container-config`. */
export function mergeImageDefaults(request: CreateContainer, image: ImageConfigDefaults): ProcessConfig {
  const command = mergeCommand(request, image);
  const healthcheck = mergeHealthcheck(request.healthcheck, image.Healthcheck);
  const workingDir = firstFilled(request.workingDir, image.WorkingDir);
  const stopSignal = firstFilled(request.stopSignal, image.StopSignal);
  if (stopSignal !== '') signalNumber(stopSignal);
  const { stopTimeout } = request;
  if (stopTimeout !== undefined && (!Number.isSafeInteger(stopTimeout) || stopTimeout < -1)) throw badConfig('stopTimeout', `invalid stop timeout ${stopTimeout}: expected seconds, or -1 for no limit`);
  return {
    ...command,
    env: mergeEnv(request.env ?? [], image.Env ?? []),
    user: firstFilled(request.user, image.User),
    workingDir: workingDir === '' ? '' : containerPath('workingDir', workingDir, `the working directory '${workingDir}' is invalid, it needs to be an absolute path`),
    hostname: checkName('hostname', request.hostname ?? ''),
    domainname: checkName('domainname', request.domainname ?? ''),
    labels: { ...image.Labels, ...request.labels },
    terminal: request.terminal ?? false,
    stdin: request.stdin ?? false,
    stdinOnce: request.stdinOnce ?? false,
    attach: request.attach ?? { stdin: false, stdout: false, stderr: false },
    stopSignal,
    ...(stopTimeout === undefined ? {} : { stopTimeout }),
    exposedPorts: [...new Set([...(request.exposedPorts ?? []), ...Object.keys(image.ExposedPorts ?? {})])].map(checkPort),
    volumes: Object.keys(image.Volumes ?? {}),
    ...(healthcheck === undefined ? {} : { healthcheck }),
    onBuild: request.onBuild ?? [],
    shell: request.shell ?? image.Shell ?? [],
    networkDisabled: request.networkDisabled ?? false,
  };
}

function firstFilled(...values: readonly (string | undefined)[]): string {
  return values.find((value) => value !== undefined && value !== '') ?? '';
}

/** The image's command only counts with its own entrypoint. */
function mergeCommand(request: CreateContainer, image: ImageConfigDefaults): Pick<ProcessConfig, 'entrypoint' | 'cmd'> {
  let entrypoint = request.entrypoint ?? null;
  let cmd = request.cmd ?? null;
  if (entrypoint === null || entrypoint.length === 0) {
    if (cmd === null || cmd.length === 0) cmd = image.Cmd ?? null;
    entrypoint ??= image.Entrypoint ?? null;
  }
  if (entrypoint?.length === 1 && entrypoint[0] === '') entrypoint = null;
  const words = [...(entrypoint ?? []), ...(cmd ?? [])];
  if (words.length === 0 || words[0] === '') throw badConfig('cmd', 'no command specified');
  if (words.some((word) => word.includes('\0'))) throw badConfig('cmd', 'the command contains a NUL character');
  return { entrypoint, cmd };
}

/** The request's come first; the image's fill in names that it does not set. */
function mergeEnv(asked: readonly string[], image: readonly string[]): readonly string[] {
  for (const entry of asked) {
    if (entry === '' || entry.startsWith('=') || entry.includes('\0')) throw badConfig('env', `invalid environment variable: ${JSON.stringify(entry)}`);
  }
  const names = new Set(asked.map(nameOf));
  // An image's entry that is no NAME=value says nothing, and must never pick a variable of ours.
  return [...asked, ...image.filter((entry) => entry.indexOf('=') > 0 && !entry.includes('\0') && !names.has(nameOf(entry)))];
}

function nameOf(entry: string): string {
  const equals = entry.indexOf('=');
  return equals < 0 ? entry : entry.slice(0, equals);
}

function mergeHealthcheck(asked: HealthConfig | undefined, image: HealthConfig | undefined): HealthConfig | undefined {
  return asked?.Test?.[0] === 'NONE' ? asked : image;
}

/** sethostname(2) takes 64 bytes; the name also becomes a line of /etc/hosts. */
function checkName(field: 'hostname' | 'domainname', name: string): string {
  if (!/^[^\s\0/]{0,64}$/.test(name) || Buffer.byteLength(name) > 64) throw badConfig(field, `invalid ${field} format: ${JSON.stringify(name)}`);
  return name;
}

function checkPort(port: string): string {
  const [, number, end = number, proto = 'tcp'] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(port) ?? [];
  if (number === undefined || Number(end) > 65535 || Number(end) < Number(number)) throw badConfig('exposedPorts', `invalid port specification: ${JSON.stringify(port)}`);
  return `${number}${end === number ? '' : `-${end ?? ''}`}/${proto.toLowerCase()}`;
}

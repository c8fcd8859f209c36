import type { ContainerCreateRequest, HostConfig } from '@gantry/api-types';
import type { EngineClient } from '@gantry/client';
import { GantryError, isGantryError } from '@gantry/errors';
import { withEngine } from '../kit/engine.ts';
import { environment } from '../kit/environment.ts';
import { define, type FlagValues, type Io } from '../kit/spec.ts';
import { parseBytes } from '../kit/units.ts';
import { pullImage } from '../pull/pull.ts';
import { attachAndWait } from '../run/attach.ts';
import { startContainer } from '../run/start.ts';

const flags = {
  detach: { type: 'boolean', char: 'd', summary: 'Run in the background and print the ID' },
  entrypoint: { type: 'string', value: 'program', summary: 'Run this program instead of the image\'s entrypoint' },
  env: { type: 'list', char: 'e', value: 'NAME=value', summary: 'Set a variable; a NAME alone is taken from here' },
  hostname: { type: 'string', value: 'name', summary: 'Host name inside' },
  interactive: { type: 'boolean', char: 'i', summary: 'Keep standard input open' },
  memory: { type: 'string', char: 'm', value: 'bytes', summary: 'Memory limit, such as 64m' },
  cpus: { type: 'string', value: 'number', summary: 'CPU limit, such as 1.5' },
  name: { type: 'string', value: 'name', summary: 'Name of the container' },
  network: { type: 'string', value: 'network', summary: 'none, host or default' },
  'pids-limit': { type: 'string', value: 'number', summary: 'Most processes inside; -1 for no limit' },
  platform: { type: 'string', value: 'os/arch', summary: 'Platform of the image' },
  pull: { type: 'string', options: ['always', 'missing', 'never'], summary: 'When to pull the image' },
  quiet: { type: 'boolean', char: 'q', summary: 'Do not show the progress of a pull' },
  rm: { type: 'boolean', summary: 'Remove the container when it ends' },
  'sig-proxy': { type: 'boolean', default: true, summary: 'Pass signals on to the process' },
  user: { type: 'string', char: 'u', value: 'user[:group]', summary: 'Name or number of user and group' },
  workdir: { type: 'string', char: 'w', value: 'path', summary: 'Working directory inside' },
} as const;

export const run = define({
  name: 'run',
  aliases: ['container run'],
  summary: 'Run a program in a new container',
  description: 'Creates a container from an image, pulling it if it is not there, starts it, and shows its output. The exit code is the program\'s; 125 if the engine failed, 126 if the program cannot be executed, 127 if it does not exist.',
  examples: [
    { description: 'See what a container is', command: 'gantry run --rm hello' },
    { description: 'Feed a program', command: 'echo hi | gantry run --rm -i debian:12 cat' },
    { description: 'Limits, and in the background', command: 'gantry run -d --name web --memory 64m --cpus 0.5 debian:12 sleep 60' },
  ],
  flags,
  args: { usage: 'IMAGE [COMMAND] [ARG...]', min: 1, max: Infinity, passThrough: true },
  failure: 125,
  run: ({ flags: f, args, io, global }) => withEngine(global, io, (client) => runContainer(client, f, args, io)),
});

async function runContainer(client: EngineClient, f: FlagValues<typeof flags>, args: readonly string[], io: Io): Promise<number> {
  const [image = '', ...command] = args;
  const body = createBody(f, image, command, io);
  const id = await create(client, f, image, body, io);
  if (f.detach) {
    await startContainer(client, id);
    await io.out(`${id}\n`);
    return 0;
  }
  return attachAndWait(client, id, { io, stdin: f.interactive, removed: f.rm, sigProxy: f['sig-proxy'], start: () => startContainer(client, id) });
}

function createBody(f: FlagValues<typeof flags>, image: string, command: readonly string[], io: Io): ContainerCreateRequest {
  const host: { -readonly [K in keyof HostConfig]?: HostConfig[K] } = { AutoRemove: f.rm };
  if (f.network !== undefined) host.NetworkMode = f.network;
  if (f.memory !== undefined) host.Memory = parseBytes(f.memory, '--memory');
  if (f.cpus !== undefined) host.NanoCpus = nanoCpus(f.cpus);
  if (f['pids-limit'] !== undefined) host.PidsLimit = integer(f['pids-limit'], '--pids-limit');
  return {
    Image: image,
    ...(command.length === 0 ? {} : { Cmd: command }),
    ...(f.entrypoint === undefined ? {} : { Entrypoint: f.entrypoint === '' ? [''] : [f.entrypoint] }),
    ...(f.hostname === undefined ? {} : { Hostname: f.hostname }),
    ...(f.user === undefined ? {} : { User: f.user }),
    ...(f.workdir === undefined ? {} : { WorkingDir: f.workdir }),
    Env: environment(f.env, io.env),
    AttachStdin: f.interactive && !f.detach,
    AttachStdout: !f.detach,
    AttachStderr: !f.detach,
    OpenStdin: f.interactive,
    StdinOnce: f.interactive && !f.detach,
    HostConfig: host,
  };
}

async function create(client: EngineClient, f: FlagValues<typeof flags>, image: string, body: ContainerCreateRequest, io: Io): Promise<string> {
  const options = { ...(f.name === undefined ? {} : { name: f.name }), ...(f.platform === undefined ? {} : { platform: f.platform }) };
  const pull = (): Promise<void> => pullImage(client, image, { io, quiet: f.quiet, to: 'err', ...(f.platform === undefined ? {} : { platform: f.platform }) });
  if (f.pull === 'always') await pull();
  try {
    return await made(client, body, options, io);
  } catch (error) {
    if (!isGantryError(error) || error.kind !== 'notFound' || f.pull === 'never') throw error;
    if (!f.quiet) await io.err(`Unable to find image '${image}' locally\n`);
    await pull();
    return made(client, body, options, io);
  }
}

async function made(client: EngineClient, body: ContainerCreateRequest, options: { readonly name?: string; readonly platform?: string }, io: Io): Promise<string> {
  const { Id, Warnings } = await client.containers.create(body, options);
  for (const warning of Warnings) await io.err(`WARNING: ${warning}\n`);
  return Id;
}

function nanoCpus(text: string): number {
  const nano = Math.round(Number(text) * 1e9);
  if (!/^\d+(\.\d+)?$/.test(text) || !Number.isSafeInteger(nano)) throw new GantryError('invalid', 'bad-flag-value', `invalid argument ${JSON.stringify(text)} for --cpus: expected a number such as 1.5`);
  return nano;
}

function integer(text: string, flag: string): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) throw new GantryError('invalid', 'bad-flag-value', `invalid argument ${JSON.stringify(text)} for ${flag}: expected a whole number`);
  return value;
}

import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError, isGantryError } from '@gantry/errors';
import { buildOf, findBinary } from './binary.ts';
import type { Native, OpenNativeOptions } from './native.ts';
import { protocolVersions } from './protocol.ts';
import { dial, type Dialled } from './rpc.ts';
import { ZygoteClient } from './zygote-client.ts';

/** The starting process's exit code if another zygote listens already. */
const alreadyThere = 3;
/** Times that a zygote is started anew when it vanishes between its start and our connection. */
const attempts = 5;

/**
 * Connects to the zygote of this instance, and starts one if there is none that speaks our protocol.
 *
 * @throws GantryError unavailable `native-binary-missing`, `zygote-failed` (the message says why: most often this is not root).
 *   conflict `native-conflict`: another instance's zygote uses this folder. invalid `socket-path-too-long`, `instance-invalid`.
 */
export async function openNative(options: OpenNativeOptions): Promise<Native> {
  const { runDir, instance } = options;
  if (!/^[0-9a-f]{8}$/.test(instance)) {
    throw new GantryError('invalid', 'instance-invalid', `An instance is named by eight hexadecimal digits in lower case, not by ${JSON.stringify(instance)}`);
  }
  const socket = join(runDir, 'z');
  const binary = options.binary ?? (await findBinary());
  const build = await buildOf(binary);
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  for (let attempt = 1; ; attempt += 1) {
    const running = await adopt(socket, instance, build, options.otherBuild ?? 'replace');
    if (running !== undefined) return new ZygoteClient(running, socket);
    try {
      await start(binary, socket, instance, build, options.log);
      return new ZygoteClient(await dial(socket, instance), socket);
    } catch (error) {
      // One that was there a moment ago has ended, or somebody else's has just been replaced.
      if (attempt >= attempts || !isGantryError(error) || error.code !== 'native-not-listening') throw error;
    }
  }
}

/** The running zygote, if it is of use. One that is not was told to end with its last keeper. */
async function adopt(socket: string, instance: string, build: string, otherBuild: 'replace' | 'adopt'): Promise<Dialled | undefined> {
  let dialled: Dialled;
  try {
    dialled = await dial(socket, instance);
  } catch (error) {
    if (isGantryError(error) && error.code === 'native-not-listening') return undefined;
    if (isGantryError(error) && error.code === 'native-unsupported') {
      await retire(socket, instance);
      return undefined;
    }
    throw error;
  }
  const { version } = dialled.hello;
  if (version < protocolVersions.min || version > protocolVersions.max) {
    dialled.frames.destroy();
    throw new GantryError('internal', 'native-protocol', `The zygote chose version ${version} of the protocol, which we did not offer`);
  }
  if (dialled.hello.build === build || otherBuild === 'adopt') return dialled;
  await dialled.frames.close();
  await retire(socket, instance);
  return undefined;
}

/** Its name is free when this resolves. */
async function retire(socket: string, instance: string): Promise<void> {
  try {
    const { frames } = await dial(socket, instance, true);
    // It closes the connection after it has let go of its name.
    while ((await frames.receive()) !== undefined);
    await frames.close();
  } catch (error) {
    if (!isGantryError(error) || (error.code !== 'native-not-listening' && error.code !== 'native-lost')) throw error;
  }
}

async function start(binary: string, socket: string, instance: string, build: string, log: string | undefined): Promise<void> {
  const args = ['zygote', '--socket', socket, '--instance', instance, '--build', build, ...(log === undefined ? [] : ['--log', log])];
  const { code, stderr } = await run(binary, args);
  if (code === 0 || code === alreadyThere) return;
  throw new GantryError('unavailable', 'zygote-failed', `The helper process could not be started: ${stderr.trim().replace(/^gantry-native: /, '') || `exit code ${code}`}`, { details: { code } });
}

function run(binary: string, args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'], env: {}, cwd: '/' });
    let stderr = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      if (stderr.length < 4096) stderr += text;
    });
    child.on('error', (cause) => {
      reject(new GantryError('unavailable', 'zygote-failed', `Cannot run ${binary}: ${cause.message}`, { cause }));
    });
    child.on('close', (code) => {
      resolve({ code, stderr });
    });
  });
}

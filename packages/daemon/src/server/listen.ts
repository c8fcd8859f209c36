import { chmodSync, chownSync } from 'node:fs';
import { lstat, mkdir, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { GantryError } from '@gantry/errors';

/** Longest time for a listener to take or refuse a connection, in ms; one that hangs counts as alive. */
const patience = 1000;

/** The path of `unix:///path`. */
export const socketPath = (host: string): string => host.slice('unix://'.length);

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

function cannotListen(path: string, cause: unknown): GantryError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const [kind, code] = codeOf(cause) === 'EADDRINUSE' ? (['conflict', 'socket-in-use'] as const) : (['unavailable', 'cannot-listen'] as const);
  return new GantryError(kind, code, `cannot listen on ${path}: ${why}`, { cause, details: { path } });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.setTimeout(patience, () => done(true));
    socket.once('connect', () => done(true)).once('error', (error) => done(!['ECONNREFUSED', 'ENOENT'].includes(codeOf(error))));
  });
}

/**
 * Makes the folder of a socket, and takes away the socket of a daemon that is gone. Nothing else is ever removed.
 * @throws GantryError conflict `socket-in-use`: somebody answers there; `not-a-socket`: the path is something else.
 *   unavailable `cannot-listen`: its folder cannot be made.
 */
export async function clearSocket(path: string): Promise<void> {
  let stat;
  try {
    // Others may pass, and see nothing: the socket's own mode says who may use it.
    await mkdir(dirname(path), { recursive: true, mode: 0o711 });
    stat = await lstat(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return;
    throw cannotListen(path, cause);
  }
  if (!stat.isSocket()) {
    throw new GantryError('conflict', 'not-a-socket', `${path} exists and is no socket: remove it, or listen somewhere else`, { details: { path } });
  }
  if (await answers(path)) {
    throw new GantryError('conflict', 'socket-in-use', `another daemon listens on ${path}: stop it, or listen somewhere else (--host)`, { details: { path } });
  }
  await unlink(path);
}

/**
 * Listens on a unix socket that its owner and `gid` may use, from the first moment on.
 * @throws GantryError conflict `socket-in-use`; unavailable `cannot-listen`.
 */
export async function listen(server: Server, path: string, gid: number): Promise<void> {
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject).once('listening', resolve);
  });
  // bind(2) happens inside of listen(), before anything else can run: no moment with another mode.
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
  try {
    await listening;
    chownSync(path, -1, gid);
    chmodSync(path, 0o660);
  } catch (cause) {
    server.close();
    throw cannotListen(path, cause);
  }
}

import { close, constants, fstat, open, read, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { GantryError } from '@gantry/errors';

const chunkSize = 1024 * 1024;
/** Buffers that are read into in turns. */
const slots = 2;
// Plain descriptors: one that a socket takes over must have no other owner.
const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);

/**
 * The bytes of a file, or of a FIFO once it has a writer. Not meant for the main thread.
 *
 * @param free Resolves when nobody reads from what was yielded before: its memory is used again.
 * @throws GantryError notFound `tar-source-missing`: there is no such file. unavailable `tar-source-failed`: it cannot be read.
 */
export async function* fileSource(path: string, signal: AbortSignal, free: () => Promise<void>): AsyncGenerator<Buffer, void, void> {
  const fd = await openFor(path, signal);
  let stat: Stats;
  try {
    stat = await statFile(fd);
  } catch (cause) {
    await closeFile(fd);
    throw failed(path, cause);
  }
  if (stat.isFIFO()) {
    yield* pipe(path, fd, signal);
    return;
  }
  try {
    if (!stat.isFile()) throw new GantryError('invalid', 'tar-source-failed', `${path} is neither a file nor a FIFO`, { details: { path } });
    yield* regular(path, fd, free);
  } finally {
    await closeFile(fd);
  }
}

/** Opening a FIFO waits for a writer. When nobody wants it any more, we are that writer for a moment. */
async function openFor(path: string, signal: AbortSignal): Promise<number> {
  const release = (): void => {
    // That it cannot be opened means that nobody waits there any more.
    openFile(path, constants.O_WRONLY | constants.O_NONBLOCK).then(closeFile, () => undefined);
  };
  signal.addEventListener('abort', release, { once: true });
  try {
    return await openFile(path, constants.O_RDONLY);
  } catch (cause) {
    throw failed(path, cause);
  } finally {
    signal.removeEventListener('abort', release);
  }
}

function failed(path: string, cause: unknown): GantryError {
  const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  const why = cause instanceof Error ? cause.message : String(cause);
  return new GantryError(missing ? 'notFound' : 'unavailable', missing ? 'tar-source-missing' : 'tar-source-failed', `Cannot read the tar from ${path}: ${why}`, { cause, details: { path } });
}

/** One piece is read while the one before is worked on. */
async function* regular(path: string, fd: number, free: () => Promise<void>): AsyncGenerator<Buffer, void, void> {
  const buffers: Buffer[] = [];
  let turn = 0;
  const readNext = async (): Promise<Buffer> => {
    const slot = turn % slots;
    turn += 1;
    // New memory for each piece would be garbage by the megabyte.
    if (turn > slots) await free();
    const buffer = (buffers[slot] ??= Buffer.allocUnsafeSlow(chunkSize));
    return buffer.subarray(0, await readInto(path, fd, buffer));
  };
  let next = readNext();
  try {
    for (;;) {
      const piece = await next;
      if (piece.length === 0) return;
      next = readNext();
      yield piece;
    }
  } finally {
    // The descriptor is not to be closed under a read; what it says is of interest to nobody any more.
    await next.catch(() => undefined);
  }
}

function readInto(path: string, fd: number, buffer: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.length, null, (cause, length) => {
      if (cause === null) resolve(length);
      else reject(failed(path, cause));
    });
  });
}

/** Waits by epoll, so that no thread is blocked by a slow writer. */
async function* pipe(path: string, fd: number, signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
  const socket = new Socket({ fd, readable: true, writable: false, signal });
  try {
    for await (const chunk of socket) {
      if (Buffer.isBuffer(chunk)) yield chunk;
    }
  } catch (cause) {
    throw failed(path, cause);
  } finally {
    socket.destroy();
  }
}

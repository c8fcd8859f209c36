import { toGantryError } from '@gantry/errors';
import type { Duplex } from 'node:stream';
import { frame, frameHeader } from './mux.ts';
import { drained } from './send.ts';

/** Streams of a process as a backend hands them over. Disposing lets go of them and ends nothing else. */
export interface AttachedStreams extends AsyncDisposable {
  readonly terminal: boolean;
  /** Closing it is a half-close: the process reads an end. Absent: not asked for, or the process has none. */
  readonly stdin?: WritableStream<Uint8Array>;
  /** Ends with the process, or when it is detached from. With a terminal everything is fd 1. */
  readonly output: AsyncIterable<{ readonly fd: 1 | 2; readonly data: Uint8Array }>;
}

/** From the client to the process, one piece at a time. A process that reads no more makes the rest pass by unread. */
function pumpInput(connection: Duplex, stdin: WritableStream<Uint8Array>): void {
  const writer = stdin.getWriter();
  const stop = (): void => {
    connection.off('data', write).off('end', close);
    connection.resume();
  };
  const write = (chunk: Buffer): void => {
    connection.pause();
    writer.write(chunk).then(() => connection.resume(), stop);
  };
  const close = (): void => void writer.close().catch(stop);
  connection.on('data', write).on('end', close);
  writer.closed.catch(stop);
}

async function pumpOutput(connection: Duplex, streams: AttachedStreams): Promise<void> {
  for await (const { fd, data } of streams.output) {
    if (connection.destroyed) return;
    connection.cork();
    if (!streams.terminal) connection.write(frameHeader(fd, data.length));
    connection.write(data);
    connection.uncork();
    await drained(connection);
  }
}

/** Carries the streams of a process over a raw connection until the process or the connection ends. */
export async function serveStreams(connection: Duplex, streams: AttachedStreams): Promise<void> {
  const detach = (): void => void streams[Symbol.asyncDispose]();
  connection.once('close', detach);
  try {
    if (connection.destroyed) return;
    if (streams.stdin === undefined) connection.resume();
    else pumpInput(connection, streams.stdin);
    await pumpOutput(connection, streams);
  } catch (error) {
    // Three is the stream on which clients look for the engine's own errors.
    if (!streams.terminal && !connection.destroyed) connection.write(frame(3, Buffer.from(`${toGantryError(error).message}\n`)));
    throw error;
  } finally {
    connection.off('close', detach);
    await streams[Symbol.asyncDispose]();
  }
}

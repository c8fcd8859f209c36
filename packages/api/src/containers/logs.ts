import { toGantryError } from '@gantry/errors';
import { frame } from '../http/mux.ts';
import type { LogStream } from './backend.ts';

/** The bytes of a log: framed by stream, or as they are for a terminal; with their times in front if asked for. */
export async function* logBytes(log: LogStream, timestamps: boolean): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const { at, fd, data } of log.lines) {
      const bytes = timestamps ? Buffer.concat([Buffer.from(`${at} `), data]) : data;
      yield log.terminal ? bytes : frame(fd, bytes);
    }
  } catch (error) {
    // Three is the stream on which clients look for the engine's own errors. A terminal's log has no such place.
    if (!log.terminal) yield frame(3, Buffer.from(`${toGantryError(error).message}\n`));
    throw error;
  }
}

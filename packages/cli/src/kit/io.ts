import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Io } from './spec.ts';

/**
 * The process's own streams. `process.stdout` costs 3 ms to make, so bytes are written to the descriptor until it says
 * that it is full.
 */
export function processIo(): Io {
  return {
    env: process.env,
    get stdin() {
      return process.stdin;
    },
    stdoutIsTerminal: isatty(1),
    stderrIsTerminal: isatty(2),
    out: (data) => write(1, data),
    err: (data) => write(2, data),
  };
}

async function write(fd: 1 | 2, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  let sent = 0;
  try {
    while (sent < bytes.length) sent += writeSync(fd, bytes, sent);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    // The reader went away, as in `gantry logs x | head`: nobody is left to tell.
    if (error.code === 'EPIPE') process.exit(fd === 1 ? 141 : 1);
    if (error.code !== 'EAGAIN') throw error;
    const stream = fd === 1 ? process.stdout : process.stderr;
    await new Promise<void>((resolve, reject) => {
      stream.write(bytes.subarray(sent), (failure) => {
        if (failure == null) resolve();
        else reject(failure);
      });
    });
  }
}

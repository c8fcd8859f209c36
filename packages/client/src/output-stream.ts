import { demultiplex, type Output } from './stdcopy.ts';
import type { Connection } from './http1/connection.ts';

/** A container's streams, attached. */
export interface AttachedStreams {
  /** A terminal's output is all of fd 1. */
  readonly output: AsyncIterable<Output>;
  /** Resolves when more may be written. */
  write(data: Uint8Array | string): Promise<void>;
  /** End of the container's standard input; output goes on. */
  end(): void;
  close(): void;
}

export function attachedStreams(connection: Connection, framed: boolean): AttachedStreams {
  return {
    output: framed ? demultiplex(received(connection)) : raw(received(connection)),
    write: (data) => connection.write(data),
    end: () => connection.end(),
    close: () => connection.close(),
  };
}

export async function* raw(bytes: AsyncIterable<Buffer>): AsyncGenerator<Output, void, undefined> {
  for await (const data of bytes) yield { fd: 1, data };
}

async function* received(connection: Connection): AsyncGenerator<Buffer, void, undefined> {
  do {
    if (connection.buffered.length > 0) yield connection.buffered.takeAll();
  } while (await connection.more());
}

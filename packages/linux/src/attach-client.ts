import { GantryError } from '@gantry/errors';
import { Fields } from './fields.ts';
import type { FrameConnection } from './frames.ts';
import type { Attachment, OutputChunk, StdinWriter } from './keeper.ts';
import { frameType, maxFrameLength } from './protocol.ts';

/** Standard input is sent in pieces of this size, so that the keeper can make us wait in between. */
const pieceSize = Math.min(64 * 1024, maxFrameLength - 1);

/** A connection in attach mode. */
export class AttachClient implements Attachment {
  readonly stdin?: StdinWriter;
  readonly output: AsyncIterable<OutputChunk>;
  readonly #frames: FrameConnection;
  #stdinClosed = false;

  constructor(frames: FrameConnection, stdin: boolean) {
    this.#frames = frames;
    this.output = { [Symbol.asyncIterator]: () => this.#chunks() };
    if (stdin) {
      this.stdin = { write: (data) => this.#write(data), end: () => this.#end() };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#frames.close();
  }

  async *#chunks(): AsyncGenerator<OutputChunk, void, void> {
    for (let frame = await this.#frames.receive(); frame !== undefined; frame = await this.#frames.receive()) {
      if (frame.type === frameType.stdout) yield { fd: 1, data: frame.payload };
      else if (frame.type === frameType.stderr) yield { fd: 2, data: frame.payload };
      else if (frame.type === frameType.json) {
        const event = Fields.parse(frame.payload).optionalString('event');
        if (event === 'end') return;
        if (event === 'cut') {
          throw new GantryError('exhausted', 'attach-cut', 'Output was not taken fast enough, and the connection was cut off: read faster, ask for a larger buffer, or read the log');
        }
        if (event === 'stdin-closed') this.#stdinClosed = true;
      }
    }
    throw new GantryError('unavailable', 'native-lost', 'The keeper closed the connection before the output ended');
  }

  async #write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.byteLength; at += pieceSize) {
      if (this.#stdinClosed) throw new GantryError('conflict', 'stdin-closed', 'The process takes no more input');
      await this.#frames.send(frameType.stdin, data.subarray(at, at + pieceSize));
    }
  }

  async #end(): Promise<void> {
    if (!this.#stdinClosed) await this.#frames.send(frameType.stdin, new Uint8Array());
    this.#stdinClosed = true;
  }
}

import type { MessagePort } from 'node:worker_threads';
import { fromJson, type GantryError } from '@gantry/errors';
import { AsyncQueue } from '../async-queue.ts';
import { aborted } from '../http/connection-error.ts';
import { Credit } from '../threads/credit.ts';
import { inputWindow, outputStep, type DecodeInput, type DecodeOutput } from '../threads/protocol.ts';
import type { Threads } from '../threads/threads.ts';
import type { DecodeJob } from './decode.ts';

/** The near side of one decoding: two windows of credit, kept over a port. */
class Link {
  readonly output = new AsyncQueue<Uint8Array>();
  readonly #port: MessagePort;
  readonly #credit = new Credit(inputWindow);
  #taken = 0;

  constructor(port: MessagePort, explainEnd: () => GantryError) {
    this.#port = port;
    port.on('message', (message: DecodeOutput) => this.#receive(message));
    port.on('close', () => {
      this.output.fail(explainEnd());
      this.#credit.close();
    });
  }

  /** Sends all of `source`, as fast as it is used. */
  async pump(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of source) {
      if (chunk.length === 0) continue;
      const bytes = ownCopy(chunk);
      this.#credit.spend(bytes.length);
      this.#post({ type: 'input', bytes }, [bytes.buffer]);
      if (!(await this.#credit.available())) return;
    }
    this.#post({ type: 'end' });
  }

  /** The consumer is done with one block. */
  taken(): void {
    if (++this.#taken < outputStep) return;
    this.#post({ type: 'taken', blocks: this.#taken });
    this.#taken = 0;
  }

  close(): void {
    this.#port.close();
  }

  #post(message: DecodeInput, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, [...transfer]);
  }

  #receive(message: DecodeOutput): void {
    switch (message.type) {
      case 'output':
        this.output.push(message.bytes);
        break;
      case 'used':
        this.#credit.earn(message.bytes);
        break;
      case 'done':
        this.output.end();
        break;
      case 'failed':
        this.output.fail(fromJson(message.error));
        break;
    }
  }
}

/** The bytes in a buffer of their own that can be transferred: the very same ones, if they have one. */
function ownCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? new Uint8Array(buffer) : new Uint8Array(bytes);
}

/**
 * Decodes in a thread; see `decodeLayer` for what is verified and thrown. Back-pressure reaches from the consumer to the
 * source: about 1 MiB of input and 2 MiB of output are on the way at most. Leaving the loop early ends the source.
 * @param open the compressed bytes, until the signal it is given fires. Their memory moves to the thread.
 */
export async function* decodeStream(
  threads: Threads,
  open: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  job: DecodeJob,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (signal?.aborted === true) throw aborted(signal);
  const giveUp = new AbortController();
  const link = new Link(threads.run({ type: 'decode', job }), () => threads.explainEnd());
  const stop = (): void => {
    if (signal !== undefined) link.output.fail(aborted(signal));
    link.close();
    giveUp.abort(signal?.reason);
  };
  signal?.addEventListener('abort', stop, { once: true });
  const pumped = link.pump(open(giveUp.signal)).catch((error: unknown) => link.output.fail(error));
  try {
    for (let block = await link.output.next(); block !== undefined; block = await link.output.next()) {
      yield block;
      link.taken();
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    link.close();
    giveUp.abort();
    await pumped;
  }
}

import { GantryError } from '@gantry/errors';

/** A piece of a container's output: fd 1 is stdout, 2 is stderr. */
export interface Output {
  readonly fd: 1 | 2;
  readonly data: Buffer;
}

const headerLength = 8;
/** No frame of an engine is larger: a bigger length means that the stream is not framed. */
const maxFrame = 16 << 20;

/**
 * Splits a stream framed as Docker's attach and logs are (Engine API, "Stream format"): a byte for the stream, three
 * zero bytes, a big-endian length, the bytes. What has arrived of a frame is passed on at once.
 * @throws GantryError unavailable `bad-stream`; the message of a frame of stream 3, which tells an error.
 */
export async function* demultiplex(stream: AsyncIterable<Buffer>): AsyncGenerator<Output, void, undefined> {
  let pending: Buffer = Buffer.alloc(0);
  let fd = 0;
  let left = 0;
  let failure = '';
  for await (const chunk of stream) {
    let rest = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    pending = Buffer.alloc(0);
    while (rest.length > 0) {
      if (left === 0) {
        if (rest.length < headerLength) {
          pending = rest;
          break;
        }
        fd = rest.readUInt8(0);
        left = rest.readUInt32BE(4);
        if (fd > 3 || left > maxFrame) throw new GantryError('unavailable', 'bad-stream', 'The engine sent output that is not framed as agreed');
        rest = rest.subarray(headerLength);
        continue;
      }
      const data = rest.subarray(0, left);
      rest = rest.subarray(data.length);
      left -= data.length;
      if (fd === 3) failure += data.toString();
      else yield { fd: fd === 2 ? 2 : 1, data };
      if (fd === 3 && left === 0) throw new GantryError('internal', 'stream-error', failure);
    }
  }
}

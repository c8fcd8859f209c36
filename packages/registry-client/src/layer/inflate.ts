import zlib from 'node:zlib';
import { GantryError, isGantryError } from '@gantry/errors';
import { ZstdFrames } from './zstd-frames.ts';

/** Node's default of 16 KiB makes gunzip 1.8 times slower than this. */
const chunkSize = 256 * 1024;

type Decompressor = zlib.Gunzip | zlib.ZstdDecompress;

/**
 * Feeds a decompressor chunk by chunk and knows what became of each: Node's streams swallow what follows the end of the
 * compressed data, and then answer no write any more.
 */
class Feeder {
  readonly #stream: Decompressor;
  #fed = 0;
  #settle: () => void = () => undefined;

  constructor(stream: Decompressor) {
    this.#stream = stream;
    for (const event of ['end', 'close', 'error']) stream.on(event, () => this.#settle());
  }

  /** The compressed data has ended, or the decompressor was given up. */
  get isOver(): boolean {
    return this.#stream.readableEnded || this.#stream.destroyed;
  }

  /** Resolves once the bytes were taken, or will never be. Returns what lies behind the end of the compressed data. */
  async write(bytes: Uint8Array): Promise<Uint8Array> {
    if (this.isOver) return bytes;
    this.#fed += bytes.length;
    await new Promise<void>((resolve) => {
      this.#settle = resolve;
      this.#stream.write(bytes, () => resolve());
    });
    return bytes.subarray(bytes.length - (this.#fed - this.#stream.bytesWritten));
  }
}

/** Members of a gzip file follow each other; zero bytes may pad the end, as gzip(1) takes them. */
async function feedGzip(feeder: Feeder, input: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of input) {
    const rest = await feeder.write(chunk);
    if (rest.some((byte) => byte !== 0)) throw new GantryError('dataLoss', 'layer-corrupt', 'a layer has something behind its gzip data');
  }
}

async function feedZstd(feeder: Feeder, input: AsyncIterable<Uint8Array>): Promise<void> {
  const frames = new ZstdFrames();
  for await (const chunk of input) {
    for (const piece of frames.split(chunk)) {
      if ((await feeder.write(piece)).length > 0) throw new GantryError('dataLoss', 'layer-corrupt', 'a layer has a zstd frame with something behind its data');
    }
  }
  if (!frames.isComplete) throw new GantryError('dataLoss', 'layer-corrupt', 'a layer ends in the middle of its zstd data');
}

/**
 * Decompresses with back-pressure on both sides: at most a few chunks exist at a time, whatever the input expands to.
 * A chunk is only good until the next one is asked for: the decompressor goes on writing behind it.
 * @throws GantryError dataLoss `layer-corrupt`; whatever `input` throws.
 */
export async function* inflate(input: AsyncIterable<Uint8Array>, compression: 'gzip' | 'zstd'): AsyncGenerator<Uint8Array, void, undefined> {
  // eslint-disable-next-line n/no-unsupported-features/node-builtins -- its API may still change; what it does is tested here
  const stream: Decompressor = compression === 'gzip' ? zlib.createGunzip({ chunkSize }) : zlib.createZstdDecompress({ chunkSize });
  const feeder = new Feeder(stream);
  const fed = (compression === 'gzip' ? feedGzip(feeder, input) : feedZstd(feeder, input)).then(
    () => {
      stream.end();
      return undefined;
    },
    (error: unknown) => {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
      return { error };
    },
  );
  try {
    const output: AsyncIterable<Uint8Array> = stream;
    yield* output;
    // What fails behind the end of the data comes too late for the stream.
    const failure = await fed;
    if (failure !== undefined) throw failure.error;
  } catch (error) {
    throw isGantryError(error) ? error : new GantryError('dataLoss', 'layer-corrupt', `a layer is not a valid ${compression} stream`, { cause: error });
  } finally {
    stream.destroy();
  }
}

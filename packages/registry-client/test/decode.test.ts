// eslint-disable-next-line n/no-unsupported-features/node-builtins -- makes what the code under test reads
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestOf, parseDiffID, type Compression } from '@gantry/oci';
import { describe, expect, it } from 'vitest';
import { decodeLayer } from '../src/layer/decode.ts';
import { ZstdFrames } from '../src/layer/zstd-frames.ts';
import { eventually, failure } from './support/client.ts';
import { collect, noise, pack } from './support/images.ts';

/** In pieces of `step` bytes, each with memory of its own. */
async function* pieces(bytes: Uint8Array, step: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield new Uint8Array(bytes.subarray(at, at + step));
}

interface Job {
  readonly compression: Compression;
  readonly step?: number;
  readonly maxBytes?: number;
  readonly diffId?: string;
}

async function decode(bytes: Uint8Array, { compression, step = 64 * 1024, maxBytes = 2 ** 30, diffId }: Job): Promise<Buffer> {
  const job = { digest: digestOf(bytes), size: bytes.length, compression, maxBytes, diffId: diffId === undefined ? null : parseDiffID(diffId) };
  return collect(decodeLayer(pieces(bytes, step), job));
}

const text = Buffer.from('all work and no play makes jack a dull boy\n'.repeat(20_000));
const zstd = zstdCompressSync;
const skippable = Buffer.concat([Buffer.from([0x53, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), Buffer.from('skip')]);
const emptySkippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);

describe('decodeLayer', () => {
  it.each([
    ['none', 1],
    ['none', 64 * 1024],
    ['gzip', 1],
    ['gzip', 100],
    ['gzip', 10_000_000],
    ['zstd', 1],
    ['zstd', 100],
    ['zstd', 10_000_000],
  ] as const)('%s in pieces of %i', async (compression, step) => {
    const data = step === 1 ? text.subarray(0, 10_000) : Buffer.concat([text, noise(300_000), Buffer.alloc(3_000_000)]);
    const packed = pack(data, compression);
    expect((await decode(packed, { compression, step, diffId: digestOf(data) })).equals(data)).toBe(true);
  });

  it.each(['none', 'gzip', 'zstd'] as const)('an empty layer, %s', async (compression) => {
    expect(await decode(pack(Buffer.alloc(0), compression), { compression })).toHaveLength(0);
  });

  it.each([1, 7, 1_000_000])('gzip of several members in pieces of %i', async (step) => {
    const members = [gzipSync(text), gzipSync(Buffer.alloc(0)), gzipSync('b'), gzipSync(text)];
    expect((await decode(Buffer.concat(members), { compression: 'gzip', step })).equals(Buffer.concat([text, Buffer.from('b'), text]))).toBe(true);
  });

  it.each([1, 7, 1_000_000])('zstd of several frames, skippable ones among them, in pieces of %i', async (step) => {
    const frames = [skippable, zstd(text), emptySkippable, zstd(Buffer.alloc(0)), zstd('b'), skippable, skippable, zstd(text), skippable];
    expect((await decode(Buffer.concat(frames), { compression: 'zstd', step })).equals(Buffer.concat([text, Buffer.from('b'), text]))).toBe(true);
  });

  it('takes zero bytes as padding behind gzip', async () => {
    for (const step of [1, 100, 1_000_000]) {
      expect((await decode(Buffer.concat([gzipSync(text), Buffer.alloc(5000)]), { compression: 'gzip', step })).equals(text)).toBe(true);
    }
  });

  it.each([
    ['text behind gzip', Buffer.concat([gzipSync(text), Buffer.from('garbage')]), 'gzip'],
    ['text behind padding', Buffer.concat([gzipSync(text), Buffer.alloc(100), Buffer.from('garbage')]), 'gzip'],
    ['gzip behind padding', Buffer.concat([gzipSync(text), Buffer.alloc(100), gzipSync(text)]), 'gzip'],
    ['a gzip header alone behind gzip', Buffer.concat([gzipSync(text), gzipSync(text).subarray(0, 6)]), 'gzip'],
    ['cut gzip', gzipSync(text).subarray(0, -3), 'gzip'],
    ['no gzip at all', text, 'gzip'],
    ['nothing for gzip', Buffer.alloc(0), 'gzip'],
    ['text behind zstd', Buffer.concat([zstd(text), Buffer.from('garbage')]), 'zstd'],
    ['padding behind zstd', Buffer.concat([zstd(text), Buffer.alloc(8)]), 'zstd'],
    ['half a magic number behind zstd', Buffer.concat([zstd(text), zstd(text).subarray(0, 2)]), 'zstd'],
    ['cut zstd', zstd(text).subarray(0, -3), 'zstd'],
    ['a cut skippable frame', Buffer.concat([zstd(text), skippable.subarray(0, -1)]), 'zstd'],
    ['no zstd at all', text, 'zstd'],
    ['nothing for zstd', Buffer.alloc(0), 'zstd'],
    ['a zstd block of the reserved type', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x07, 0x00, 0x00]), 'zstd'],
    ['a zstd frame with a reserved bit', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x28, 0x00, 0x01, 0x00, 0x00]), 'zstd'],
  ] as const)('refuses %s', async (_, bytes, compression) => {
    for (const step of [bytes.length > 10_000 ? 1000 : 1, 1_000_000]) {
      const failed = await decode(bytes, { compression, step }).then((out) => `${out.length} bytes in pieces of ${step}`, (error: unknown) => error);
      expect(failed).toEqual(failure('dataLoss', 'layer-corrupt'));
    }
  });

  it('refuses flipped bits even where they inflate', async () => {
    const packed = pack(noise(100_000), 'none');
    const job = { digest: digestOf(packed), size: packed.length, compression: 'none' as const, maxBytes: 2 ** 30, diffId: null };
    const flipped = Buffer.from(packed);
    flipped[50_000] = (flipped[50_000] ?? 0) ^ 1;
    await expect(collect(decodeLayer(pieces(flipped, 1000), job))).rejects.toThrow(failure('dataLoss', 'digest-mismatch'));
  });

  it.each([-1, 1])('refuses a size that is off by %i', async (by) => {
    const packed = pack(text, 'gzip');
    const job = { digest: digestOf(packed), size: packed.length + by, compression: 'gzip' as const, maxBytes: 2 ** 30, diffId: null };
    await expect(collect(decodeLayer(pieces(packed, 1000), job))).rejects.toThrow(failure('dataLoss', 'size-mismatch'));
  });

  it('refuses a layer that is not its diff ID, once all of it is out', async () => {
    let seen = 0;
    const packed = pack(text, 'gzip');
    const job = { digest: digestOf(packed), size: packed.length, compression: 'gzip' as const, maxBytes: 2 ** 30, diffId: parseDiffID(digestOf('other')) };
    const run = async (): Promise<void> => {
      for await (const block of decodeLayer(pieces(packed, 1000), job)) seen += block.length;
    };
    await expect(run()).rejects.toThrow(failure('dataLoss', 'diff-id-mismatch'));
    expect(seen).toBe(text.length);
  });

  it.each(['gzip', 'zstd'] as const)('stops a %s bomb at its limit', async (compression) => {
    const bomb = pack(Buffer.alloc(256 * 1024 ** 2), compression);
    const before = process.memoryUsage().rss;
    let seen = 0;
    const job = { digest: digestOf(bomb), size: bomb.length, compression, maxBytes: 10 * 1024 ** 2, diffId: null };
    const run = async (): Promise<void> => {
      for await (const block of decodeLayer(pieces(bomb, bomb.length), job)) seen += block.length;
    };
    await expect(run()).rejects.toThrow(failure('exhausted', 'layer-too-large'));
    expect(seen).toBeLessThanOrEqual(10 * 1024 ** 2);
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 ** 2);
  });

  it('gives each block memory of its own, filled but for the last', async () => {
    const blocks: Uint8Array[] = [];
    const packed = pack(text, 'gzip');
    for await (const block of decodeLayer(pieces(packed, 500), { digest: digestOf(packed), size: packed.length, compression: 'gzip', maxBytes: 2 ** 30, diffId: null })) blocks.push(block);
    expect(new Set(blocks.map((block) => block.buffer)).size).toBe(blocks.length);
    expect(blocks.slice(0, -1).every((block) => block.length === 256 * 1024)).toBe(true);
    expect(Buffer.concat(blocks).equals(text)).toBe(true);
  });

  it('passes on what the source throws', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(gzipSync(text).subarray(0, 100));
      throw new Error('gone');
    }
    await expect(collect(decodeLayer(broken(), { digest: digestOf('x'), size: 1000, compression: 'gzip', maxBytes: 1e9, diffId: null }))).rejects.toThrow('a layer is not a valid gzip stream');
  });

  it('ends its source when its consumer leaves', async () => {
    let isEnded = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (const packed = gzipSync(noise(1_000_000)); ; ) yield new Uint8Array(packed);
      } finally {
        isEnded = true;
      }
    }
    for await (const block of decodeLayer(endless(), { digest: digestOf('x'), size: 1e9, compression: 'gzip', maxBytes: 1e9, diffId: null })) if (block.length > 0) break;
    await eventually(() => isEnded).toBe(true);
  });
});

describe('ZstdFrames', () => {
  it('cuts at every end of a frame, wherever the chunks are cut', () => {
    const frames = [zstd('a'), zstd(noise(300_000)), zstd(Buffer.alloc(500_000)), emptySkippable, skippable];
    const all = Buffer.concat(frames);
    for (const step of [1, 3, 1000, all.length]) {
      const splitter = new ZstdFrames();
      const ends: number[] = [];
      let at = 0;
      for (let from = 0; from < all.length; from += step) {
        for (const piece of splitter.split(all.subarray(from, from + step))) {
          at += piece.length;
          if (splitter.isComplete) ends.push(at);
        }
      }
      expect(ends).toEqual(frames.map((_, i) => Buffer.concat(frames.slice(0, i + 1)).length));
    }
  });

  it('has an end to how many frames it takes', () => {
    const frames = Buffer.alloc(8 * 1024, emptySkippable);
    const splitter = new ZstdFrames();
    let count = 0;
    expect(() => {
      for (;;) for (const piece of splitter.split(frames)) count += piece.length / emptySkippable.length;
    }).toThrow(failure('exhausted', 'layer-too-many-frames'));
    expect(count).toBe(2 ** 20);
  });
});

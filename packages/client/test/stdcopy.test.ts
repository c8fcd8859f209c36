import { describe, expect, it } from 'vitest';
import { demultiplex } from '../src/stdcopy.ts';

const frame = (fd: number, text: string): Buffer => {
  const head = Buffer.alloc(8);
  head[0] = fd;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
};

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('demultiplex', () => {
  it.each([1, 3, 8, 9, 4096])('puts streams together from pieces of %i bytes', async (size) => {
    const wire = Buffer.concat([frame(1, 'out'), frame(2, ''), frame(2, 'err'), frame(1, 'more')]);
    const seen = { 1: '', 2: '' };
    for await (const { fd, data } of demultiplex(cut(wire, size))) seen[fd] += data.toString();
    expect(seen).toEqual({ 1: 'outmore', 2: 'err' });
  });

  it('throws what the engine tells on the stream for errors', async () => {
    await expect(Array.fromAsync(demultiplex(cut(frame(3, 'disk is gone'), 2)))).rejects.toThrow('disk is gone');
  });

  it('refuses output that is not framed', async () => {
    await expect(Array.fromAsync(demultiplex(cut(Buffer.from('plain text output'), 100)))).rejects.toMatchObject({ code: 'bad-stream' });
  });
});

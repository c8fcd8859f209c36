import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { TarSource } from '@gantry/archive';

/**
 * Passes a tar on, keeping a durable copy of its bytes.
 *
 * @param copy The file to write; whoever reads to the end may rely on it being on disk.
 */
export async function* storing(tar: TarSource, copy: string): AsyncGenerator<Uint8Array, void, undefined> {
  await using file = await open(copy, 'wx', 0o600);
  for await (const chunk of bytesOf(tar)) {
    await file.writeFile(chunk); // first: whoever takes the chunk may move it away
    yield chunk;
  }
  await file.sync();
}

/** Up to 1 MiB at a time. */
export function readTar(path: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: 1 << 20, ...(signal && { signal }) });
}

function bytesOf(tar: TarSource): AsyncIterable<Uint8Array> {
  return 'path' in tar ? readTar(tar.path) : tar;
}

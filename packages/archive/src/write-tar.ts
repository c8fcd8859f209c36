import { GantryError } from '@gantry/errors';
import { encodeHeader, tarEnd, tarPadding } from './tar-encode.ts';
import { quoted } from './tar-error.ts';
import { defaultTarLimits } from './tar-limits.ts';
import { normalName } from './tar-name.ts';
import type { TarHeader, TarInput } from './tar-types.ts';

const defaultMode = { dir: 0o755, symlink: 0o777, file: 0o644, hardlink: 0o644, char: 0o644, block: 0o644, fifo: 0o644 } as const;
const none: ReadonlyMap<string, Buffer> = new Map();

/**
 * Writes an archive: ustar, with PAX headers where ustar cannot say it. Equal entries give equal bytes.
 *
 * @throws GantryError invalid `tar-unsafe-name` (empty, `..`, zero byte), `tar-wrong-size`: `data` had more or fewer bytes than `size`.
 */
export async function* writeTar(entries: AsyncIterable<TarInput> | Iterable<TarInput>): AsyncGenerator<Uint8Array, void, void> {
  for await (const entry of entries) {
    yield encodeHeader(headerOf(entry));
    if (entry.type !== 'file') continue;
    if (entry.data instanceof Uint8Array) {
      yield entry.data;
      yield tarPadding(entry.data.byteLength);
      continue;
    }
    const size = 'size' in entry ? entry.size : 0;
    let written = 0;
    for await (const chunk of entry.data) {
      written += chunk.byteLength;
      if (written > size) break;
      yield chunk;
    }
    if (written !== size) throw new GantryError('invalid', 'tar-wrong-size', `${quoted(bytesOf(entry.path))} was to have ${size} bytes and has ${written > size ? 'more' : written}`);
    yield tarPadding(size);
  }
  yield tarEnd;
}

function headerOf(entry: TarInput): TarHeader {
  const meta = {
    path: normalName(bytesOf(entry.path), 0, defaultTarLimits),
    mode: entry.mode ?? defaultMode[entry.type],
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    mtimeNs: entry.mtimeNs ?? 0n,
    xattrs: entry.xattrs === undefined ? none : new Map([...entry.xattrs].map(([name, value]) => [name, bytesOf(value)])),
  };
  switch (entry.type) {
    case 'file':
      return { ...meta, type: 'file', size: entry.data instanceof Uint8Array ? entry.data.byteLength : 'size' in entry ? entry.size : 0 };
    case 'dir':
    case 'fifo':
      return { ...meta, type: entry.type };
    case 'symlink':
      return { ...meta, type: 'symlink', link: bytesOf(entry.link) };
    case 'hardlink':
      return { ...meta, type: 'hardlink', link: normalName(bytesOf(entry.link), 0, defaultTarLimits) };
    case 'char':
    case 'block':
      return { ...meta, type: entry.type, major: entry.major, minor: entry.minor };
  }
}

function bytesOf(value: string | Uint8Array): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/**
 * Writes tars byte by byte, hostile ones too: written from the formats' descriptions (POSIX.1-2017, pax, "ustar
 * Interchange Format" and "pax Extended Header"), and on purpose not with the code that drivers read them by.
 */
export interface RawEntry {
  /** Taken as it is. */
  readonly name: string | Buffer;
  readonly type: 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'dir' | 'fifo';
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds since the epoch. */
  readonly mtime?: number;
  readonly data?: string | Buffer;
  readonly link?: string | Buffer;
  readonly device?: readonly [major: number, minor: number];
  readonly xattrs?: Readonly<Record<string, Buffer>>;
}

const flags = { file: '0', hardlink: '1', symlink: '2', char: '3', block: '4', dir: '5', fifo: '6' } as const;
const modes = { file: 0o644, hardlink: 0o644, symlink: 0o777, char: 0o644, block: 0o644, dir: 0o755, fifo: 0o644 } as const;

/** A whole archive, with its end. */
export function rawTar(entries: readonly RawEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocks), Buffer.alloc(1024)]);
}

/** A stream of it, in pieces that respect nothing. */
export async function* inPieces(tar: Buffer, size = 1000): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < tar.length; at += size) yield new Uint8Array(tar.subarray(at, at + size));
}

function blocks(entry: RawEntry): Buffer[] {
  const name = Buffer.from(entry.name);
  const link = Buffer.from(entry.link ?? '');
  const data = Buffer.from(entry.data ?? '');
  const { uid = 0, gid = 0 } = entry;
  const pax: Buffer[] = [];
  if (name.length > 100) pax.push(record('path', name));
  if (link.length > 100) pax.push(record('linkpath', link));
  if (uid > 0o7777777) pax.push(record('uid', String(uid)));
  if (gid > 0o7777777) pax.push(record('gid', String(gid)));
  for (const [key, value] of Object.entries(entry.xattrs ?? {})) pax.push(record(`SCHILY.xattr.${key}`, value));
  const fits = (id: number): number => (id > 0o7777777 ? 0 : id);
  return [
    ...(pax.length > 0 ? [header({ name: Buffer.from('pax'), flag: 'x', size: Buffer.concat(pax).length }), padded(Buffer.concat(pax))] : []),
    header({ name: name.subarray(0, 100), flag: flags[entry.type], size: data.length, mode: entry.mode ?? modes[entry.type], uid: fits(uid), gid: fits(gid), mtime: entry.mtime ?? 0, link: link.subarray(0, 100), device: entry.device ?? [0, 0] }),
    padded(data),
  ];
}

interface Header {
  readonly name: Buffer;
  readonly flag: string;
  readonly size: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly link?: Buffer;
  readonly device?: readonly [number, number];
}

function header({ name, flag, size, mode = 0o644, uid = 0, gid = 0, mtime = 0, link = Buffer.alloc(0), device = [0, 0] }: Header): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, at: number, length: number): void => void block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  name.copy(block, 0);
  octal(mode, 100, 8);
  octal(uid, 108, 8);
  octal(gid, 116, 8);
  octal(size, 124, 12);
  octal(mtime, 136, 12);
  block.write('        ', 148, 'latin1');
  block.write(flag, 156, 'latin1');
  link.copy(block, 157);
  block.write('ustar\x0000', 257, 'latin1');
  octal(device[0], 329, 8);
  octal(device[1], 337, 8);
  octal(block.reduce((sum, byte) => sum + byte, 0), 148, 7);
  block.write(' ', 155, 'latin1');
  return block;
}

/** `length key=value\n`, the length counting itself. */
function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

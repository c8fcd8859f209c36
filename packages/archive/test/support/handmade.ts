/** Archives made byte by byte, so that they can be wrong in every way. */

export interface Block {
  readonly name?: string | Buffer;
  readonly mode?: string | Buffer;
  readonly uid?: string | Buffer;
  readonly gid?: string | Buffer;
  readonly size?: string | Buffer;
  readonly mtime?: string | Buffer;
  readonly type?: string;
  readonly link?: string | Buffer;
  /** Magic and version: 8 bytes. */
  readonly magic?: string;
  readonly major?: string | Buffer;
  readonly minor?: string | Buffer;
  readonly prefix?: string | Buffer;
  /** Written over everything else, before the checksum. */
  readonly at?: Readonly<Record<number, Buffer | string>>;
  readonly checksum?: string;
}

export const ustar = 'ustar\x0000';
export const gnu = 'ustar  \0';

export function octal(value: number, length = 8): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`;
}

/** A number with GNU's 256-based digits. */
export function base256(value: bigint, length = 12): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = length - 1, rest = value; i >= 0; i -= 1, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  bytes[0] = value < 0n ? 0xff : 0x80;
  return bytes;
}

export function block(b: Block = {}): Buffer {
  const out = Buffer.alloc(512);
  const put = (at: number, value: string | Buffer): unknown => (typeof value === 'string' ? out.write(value, at, 'latin1') : value.copy(out, at));
  put(0, b.name ?? 'file');
  put(100, b.mode ?? octal(0o644));
  put(108, b.uid ?? octal(0));
  put(116, b.gid ?? octal(0));
  put(124, b.size ?? octal(0, 12));
  put(136, b.mtime ?? octal(0, 12));
  put(156, b.type ?? '0');
  put(157, b.link ?? '');
  put(257, b.magic ?? ustar);
  put(329, b.major ?? octal(0));
  put(337, b.minor ?? octal(0));
  put(345, b.prefix ?? '');
  for (const [at, value] of Object.entries(b.at ?? {})) put(Number(at), value);
  out.fill(0x20, 148, 156);
  put(148, b.checksum ?? octal(out.reduce((sum, byte) => sum + byte, 0), 7));
  return out;
}

export function padded(data: string | Buffer): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** A file with content. */
export function file(name: string | Buffer, data: string | Buffer = '', more: Block = {}): Buffer {
  return Buffer.concat([block({ name, size: octal(Buffer.from(data).length, 12), ...more }), padded(data)]);
}

export function entry(name: string | Buffer, type: string, more: Block = {}): Buffer {
  return block({ name, type, ...more });
}

export const dir = (name: string, more: Block = {}): Buffer => entry(name, '5', { mode: octal(0o755), ...more });
export const symlink = (name: string, link: string, more: Block = {}): Buffer => entry(name, '2', { link, mode: octal(0o777), ...more });
export const hardlink = (name: string, link: string, more: Block = {}): Buffer => entry(name, '1', { link, ...more });

export function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** An extended header with these records, or with this body. */
export function pax(records: Readonly<Record<string, string | Buffer>> | Buffer, type: 'x' | 'g' = 'x'): Buffer {
  const body = Buffer.isBuffer(records) ? records : Buffer.concat(Object.entries(records).map(([key, value]) => record(key, value)));
  return Buffer.concat([block({ name: 'PaxHeaders/x', type, size: octal(body.length, 12) }), padded(body)]);
}

/** GNU's long name (L) or long link (K). */
export function long(type: 'L' | 'K', text: string | Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(text), Buffer.from([0])]);
  return Buffer.concat([block({ name: '././@LongLink', type, magic: gnu, size: octal(body.length, 12) }), padded(body)]);
}

export const end: Buffer = Buffer.alloc(1024);

export function tar(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, end]);
}

/** In pieces of this many bytes. */
export function* pieces(bytes: Buffer, size: number): Generator<Buffer, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

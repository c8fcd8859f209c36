import { createHash } from 'node:crypto';
import { packTree, readTar, untar, writeTar, type TarEntry, type TarInput, type TreeTarget } from '@gantry/archive';
import type { Bytes, WalkEntry } from '@gantry/driver-api';
import { badField } from '../plan/field.ts';

export interface TarOptions {
  readonly signal?: AbortSignal;
  readonly exclude?: readonly string[];
  readonly rename?: string;
}

export interface UntarInto {
  readonly signal?: AbortSignal;
  readonly maxBytes: number;
  readonly maxInodes: number;
  readonly chown?: { readonly uid: number; readonly gid: number };
  readonly keepTypes?: boolean;
}

export interface CopyOptions {
  readonly signal?: AbortSignal;
  readonly exclude?: readonly string[];
  readonly include?: readonly string[];
  readonly chmod?: string;
  readonly chown?: { readonly uid: number; readonly gid: number };
}

export interface Place {
  readonly tree: TreeTarget;
  readonly path: string;
}

export function tarOf(tree: TreeTarget, path: string, { exclude, rename, signal }: TarOptions): Bytes {
  return packTree({ ...tree, path, ...(exclude === undefined ? {} : { exclude }), ...(rename === undefined ? {} : { rename }), ...(signal === undefined ? {} : { signal }) });
}

export function untarInto(tree: TreeTarget, path: string, tar: Bytes, { maxBytes, maxInodes, chown, keepTypes, signal }: UntarInto): Promise<void> {
  return untar({
    ...tree, path, tar, maxBytes, maxInodes,
    ...(chown === undefined ? {} : { chown }),
    ...(keepTypes === undefined ? {} : { keepTypes }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** What a copy inside one machine may come to: as much as the disk holds. */
const unlimited = { maxBytes: Number.MAX_SAFE_INTEGER, maxInodes: 1 << 30 };

/** The children of a folder, or one file, into a folder that exists. */
export async function copyTree(from: Place, to: Place, { exclude, include, chmod, chown, signal }: CopyOptions): Promise<void> {
  const packed = tarOf(from.tree, from.path, { ...(exclude === undefined ? {} : { exclude }), ...(signal === undefined ? {} : { signal }) });
  const tar = include === undefined && chmod === undefined ? packed : writeTar(changed(packed, include, chmod === undefined ? undefined : octal(chmod)));
  await untarInto(to.tree, to.path, tar, { ...unlimited, ...(chown === undefined ? {} : { chown }), ...(signal === undefined ? {} : { signal }) });
}

function octal(chmod: string): number {
  if (!/^[0-7]{1,4}$/.test(chmod)) throw badField('chmod', `expected up to four octal digits, not ${JSON.stringify(chmod)}`);
  return parseInt(chmod, 8);
}

/** Entries that are included, or lie below or above something that is, with another mode. */
async function* changed(tar: Bytes, include: readonly string[] | undefined, mode: number | undefined): AsyncGenerator<TarInput, void, undefined> {
  for await (const entry of readTar(tar)) {
    const path = entry.header.path.toString();
    const wanted = include?.some((name) => path === name || path.startsWith(`${name}/`) || name.startsWith(`${path}/`)) ?? true;
    if (wanted || path === '') yield toInput(entry, mode);
  }
}

function toInput({ header, content }: TarEntry, mode: number | undefined): TarInput {
  const meta = { ...header, ...(mode === undefined || header.type === 'symlink' ? {} : { mode }) };
  return meta.type === 'file' ? { ...meta, data: bytes(content) } : meta;
}

async function* bytes(content: TarEntry['content']): AsyncGenerator<Uint8Array, void, undefined> {
  const zeros = new Uint8Array(65_536);
  for await (const chunk of content) {
    if ('data' in chunk) yield chunk.data;
    else for (let left = chunk.hole; left > 0; left -= zeros.length) yield zeros.subarray(0, Math.min(left, zeros.length));
  }
}

/** As a walk, with the digest of each file's content. */
export async function* digests(tree: TreeTarget, path: string, signal: AbortSignal | undefined): AsyncGenerator<WalkEntry, void, undefined> {
  for await (const { header, content } of readTar(tarOf(tree, path, signal === undefined ? {} : { signal }))) {
    const name = header.path.toString();
    if (name === '') continue;
    const hash = createHash('sha256');
    if (header.type === 'file') for await (const chunk of bytes(content)) hash.update(chunk);
    yield {
      path: `/${[path.replace(/^\/+|\/+$/g, ''), name].filter((part) => part !== '').join('/')}`, mode: header.mode, uid: header.uid, gid: header.gid, size: header.type === 'file' ? header.size : 0, ino: '0',
      mtime: new Date(Number(header.mtimeNs / 1_000_000n)).toISOString(),
      ...('link' in header ? { link: header.link.toString() } : {}),
      ...(header.type === 'file' ? { digest: `sha256:${hash.digest('hex')}` } : {}),
    };
  }
}

import { basename, dirname } from 'node:path/posix';
import { readTar, writeTar, type TarEntry, type TarInput, type TreeTarget } from '@gantry/archive';
import type { Bytes } from '@gantry/driver-api';
import { badField } from '../plan/field.ts';
import { tarOf, untarInto } from './streams.ts';

/** As of `Host.copy`, without its signal. */
export interface CopyOptions {
  readonly exclude?: readonly string[];
  readonly include?: readonly string[];
  readonly chmod?: string;
  readonly chown?: { readonly uid: number; readonly gid: number };
}

/** A path in a tree, without links in it. */
export interface Place {
  readonly tree: TreeTarget;
  readonly path: string;
}

/** Plain data, since it runs in a worker thread. */
export interface CopyRequest {
  readonly from: Place;
  readonly to: Place;
  /** What is at `from` is a folder: its children go into `to`. Else it becomes `to`. */
  readonly folder: boolean;
  readonly options: CopyOptions;
}

/** As much as the disk holds. */
const unlimited = { maxBytes: Number.MAX_SAFE_INTEGER, maxInodes: 2 ** 30 };

const zeros = new Uint8Array(65_536);

/** Copies by way of a tar that is never stored. @throws invalid: `chmod` */
export async function copyTree({ from, to, folder, options }: CopyRequest): Promise<void> {
  const { exclude, include, chmod, chown } = options;
  const packed = tarOf(from.tree, from.path, { ...(exclude === undefined ? {} : { exclude }), ...(folder ? {} : { rename: basename(to.path) }) });
  const mode = chmod === undefined ? undefined : octal(chmod);
  const tar = include === undefined && mode === undefined ? packed : writeTar(changed(packed, include, mode));
  await untarInto(to.tree, folder ? to.path : dirname(to.path), tar, { ...unlimited, ...(chown === undefined ? {} : { chown }) });
}

/** The mode of `chmod`: octal digits, as chmod(1) takes them. */
export function octal(chmod: string): number {
  if (!/^[0-7]{1,4}$/.test(chmod)) throw badField('chmod', 'must be up to four octal digits', chmod);
  return Number.parseInt(chmod, 8);
}

/** The entries that are included, or lie below or above one that is, with another mode. */
async function* changed(tar: Bytes, include: readonly string[] | undefined, mode: number | undefined): AsyncGenerator<TarInput, void, undefined> {
  const wanted = include?.map((name) => name.split('/').filter((part) => part !== '' && part !== '.').join('/'));
  for await (const entry of readTar(tar)) {
    const path = entry.header.path.toString();
    const matches = wanted?.some((name) => name === '' || path === name || path.startsWith(`${name}/`) || name.startsWith(`${path}/`)) ?? true;
    if (matches || path === '') yield toInput(entry, mode);
  }
}

function toInput({ header, content }: TarEntry, mode: number | undefined): TarInput {
  const meta = { ...header, ...(mode === undefined || header.type === 'symlink' ? {} : { mode }) };
  return meta.type === 'file' ? { ...meta, data: bytes(content) } : meta;
}

async function* bytes(content: TarEntry['content']): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of content) {
    if ('data' in chunk) yield chunk.data;
    else for (let left = chunk.hole; left > 0; left -= zeros.length) yield zeros.subarray(0, Math.min(left, zeros.length));
  }
}

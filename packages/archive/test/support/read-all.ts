import { readTar, type TarHeader, type TarLimits } from '../../src/index.ts';
import { pieces } from './handmade.ts';

/** A header with its content; holes are filled. */
export type Whole = TarHeader & { readonly offset: number; readonly content: Buffer };

export async function readAll(archive: Buffer, o: { readonly chunk?: number; readonly limits?: Partial<TarLimits> } = {}): Promise<Whole[]> {
  const all: Whole[] = [];
  for await (const { header, offset, content } of readTar(pieces(archive, o.chunk ?? 65_536), o.limits === undefined ? {} : { limits: o.limits })) {
    const parts: Buffer[] = [];
    for await (const chunk of content) parts.push('data' in chunk ? Buffer.from(chunk.data) : Buffer.alloc(chunk.hole));
    all.push({ ...header, offset, content: Buffer.concat(parts) });
  }
  return all;
}

/** One entry, which the archive has to have alone. */
export async function readOne(archive: Buffer): Promise<Whole> {
  const all = await readAll(archive);
  if (all.length !== 1) throw new Error(`${all.length} entries instead of one`);
  return all[0]!;
}

export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to fail');
}

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

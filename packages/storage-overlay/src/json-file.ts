import { readFile, stat } from 'node:fs/promises';
import { GantryError } from '@gantry/errors';

/**
 * A small file of ours beside a layer's tree. `undefined`: there is none.
 *
 * @throws GantryError dataLoss `layer-file-damaged`: it does not hold a `T`.
 */
export async function readJson<T>(path: string, is: (value: unknown) => value is T): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch((e: unknown) => {
    if (isAbsent(e)) return undefined;
    throw e;
  });
  if (text === undefined) return undefined;
  const value = parse(text);
  if (!is(value)) throw damaged(path);
  return value;
}

export function damaged(path: string): GantryError {
  return new GantryError('dataLoss', 'layer-file-damaged', `${path} is damaged: remove the layer and pull its image again`, { details: { path } });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which is never what is looked for
  }
}

export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (e) {
    if (isAbsent(e)) return false;
    throw e;
  }
}

function isAbsent(e: unknown): boolean {
  return e instanceof Error && 'code' in e && e.code === 'ENOENT';
}
